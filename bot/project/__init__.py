"""Reading a project in Rasa's file formats; every error carries file and line."""

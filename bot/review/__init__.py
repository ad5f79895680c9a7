"""What users wrote, proposed to people for a label, and what they said."""

"""The commands of `parley`, one file each, and the options that they share."""

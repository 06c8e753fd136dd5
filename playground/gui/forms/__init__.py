"""What lets people choose: a form made from what the fields of a spec say about themselves, and the settings panel."""

"""The learning-rate card: its curve and what it suggests."""

"""What a run records and reports."""

"""Everything that a run writes on disk."""

"""Data sets in one file or a few: each reads its images by range, and refuses what a hostile file claims."""

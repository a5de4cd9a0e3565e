"""What the networks minimise: losses and penalties, as plain functions and tables of their names; augmentation."""

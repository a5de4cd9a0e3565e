"""What the networks minimise: losses, as plain functions and the tables of their names."""

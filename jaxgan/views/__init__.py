"""What people look at: tables, diagrams, curves, grids and animations."""

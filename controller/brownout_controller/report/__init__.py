"""What people and programs read about runs, computed from their journals alone."""

"""Programs that build the project, and no part of it."""

"""Pages of docs/ that are computed from declarations."""

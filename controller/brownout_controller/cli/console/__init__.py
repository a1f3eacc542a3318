"""What commands print: progress, tables, outcomes."""

"""Drives experiments: from a plan to a journal, and back to where the system was, on every path."""

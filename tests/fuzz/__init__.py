"""Foreign bytes for every parser that takes them: `python -m tests.fuzz`, or `make fuzz`."""

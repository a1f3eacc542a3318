"""A found margin for people: beside the timeouts that an architecture declares."""

"""Demos on real servers: the story of the payment shop (`make demo`), and every fault on and off (`make tour`)."""

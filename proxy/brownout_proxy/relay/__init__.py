"""Moves bytes between two sockets: dials, times, buffers, and carries out what the faults decide."""

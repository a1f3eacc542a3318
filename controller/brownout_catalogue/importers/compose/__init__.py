"""Reads compose files as compose does."""

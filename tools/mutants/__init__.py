"""Mistakes made on purpose: whether the tests notice them."""

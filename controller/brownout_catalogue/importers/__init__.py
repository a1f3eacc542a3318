"""Architectures from what already exists: compose files, Kubernetes manifests, a namespace of a live cluster.

What is read becomes components and calls with their evidence (imported.py), whatever it was read from; merging.py adds
them to a file that a person has written.
"""

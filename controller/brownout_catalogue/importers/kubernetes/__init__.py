"""Reads manifests and namespaces of Kubernetes."""

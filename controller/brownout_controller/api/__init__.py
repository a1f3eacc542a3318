"""The control plane over gRPC: a thin adapter of the engine, and the client that has the same face as the engine."""

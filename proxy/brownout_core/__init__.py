"""What both planes and the catalogue stand on: faults, files, errors, limits, text and the frame of a gRPC server."""

__version__ = "0.1.0"

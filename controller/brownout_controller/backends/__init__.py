"""What injects faults: a backend finds the targets of an edge, injects under a lease, and proves the revert."""

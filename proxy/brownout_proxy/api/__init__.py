"""The control API: thin adapters between a wire format and the registry, without a state."""

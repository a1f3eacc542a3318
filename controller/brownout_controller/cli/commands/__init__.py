"""The commands of the control plane, one module each."""

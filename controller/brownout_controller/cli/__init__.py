"""The control plane's commands, and what they print."""

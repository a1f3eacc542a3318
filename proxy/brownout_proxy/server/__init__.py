"""The proxies of a process: their state, their listeners and their counters. Knows nothing of HTTP or of command lines."""

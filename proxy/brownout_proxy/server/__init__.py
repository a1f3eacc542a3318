"""The proxies of a process: their state, listeners and counters. Knows nothing of HTTP or of command lines."""

"""The demo: a real client works through the proxy while faults come and go. Run it with `make demo`."""

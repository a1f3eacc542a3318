"""What the proxy costs, measured beside what a user would take instead of it.

`python -m bench` compares every relay that the machine has, `pytest bench` holds the proxy to a bare relay, and
`python -m bench.soak` looks for leaks. Nothing here is imported by the product.
"""

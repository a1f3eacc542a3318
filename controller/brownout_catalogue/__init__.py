"""From an architecture to ranked failure scenarios and experiments that run: by fixed rules, each explained."""

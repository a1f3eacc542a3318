"""Which failure is worth a test first: modes, scenarios, factors, ranking."""

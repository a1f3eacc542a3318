"""Many runs at once: regressions, quarters and recovery times, as text, JSON, plots and a page."""

"""What an experiment is and how it is judged: pure decisions, without input, output or clocks."""

"""The ranked list as text, Markdown, JSON and a page."""

"""Architecture files as text: written, edited and merged without losing what a person wrote."""

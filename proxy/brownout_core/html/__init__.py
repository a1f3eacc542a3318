"""The frame that all HTML pages have in common, with its templates. It needs Jinja, which no proxy installs."""

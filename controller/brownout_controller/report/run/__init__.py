"""One run for people and programs: the report of its journal, and the forms that it takes."""

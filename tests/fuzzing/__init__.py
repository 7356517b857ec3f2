"""What `tests/fuzz.py` is made of: good files, what bends them, files that name others, and the eyes on a run."""

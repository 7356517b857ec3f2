"""What `tests/crash.py` is made of: the commands at toy size, and runs of them that can be killed at any moment."""

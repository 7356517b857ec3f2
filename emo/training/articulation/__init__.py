"""What train/articulation.py learns from: talkers whose mouths were read, and voices whose phones are known."""

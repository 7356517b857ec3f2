"""Training data: preparation, loading, and synthetic people."""

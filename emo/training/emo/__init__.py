"""EMO's stages: its networks, draws and frozen encoders."""

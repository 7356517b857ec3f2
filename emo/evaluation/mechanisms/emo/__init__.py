"""What is measured of EMO's models."""

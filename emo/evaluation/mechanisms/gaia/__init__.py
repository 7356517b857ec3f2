"""What is measured of GAIA's models."""

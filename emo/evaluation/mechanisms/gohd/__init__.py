"""What is measured of GoHD's models."""

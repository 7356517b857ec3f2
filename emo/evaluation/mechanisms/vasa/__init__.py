"""What is measured of VASA-1's models."""

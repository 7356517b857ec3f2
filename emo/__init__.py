"""EMO: one portrait and one recording become a talking or singing video."""

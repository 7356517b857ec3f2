"""Generated videos beside real ones: the measures of the EMO, GAIA, VASA-1 and GoHD papers, in one report."""

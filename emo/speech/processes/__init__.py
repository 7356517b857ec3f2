"""Scripts that are run, not imported: each speaks with a package of its own, in a process of its own."""

"""Model folders: how they are saved, what is checked before one is loaded, and how they are had from the Hub."""

"""Synthetic people who talk: identities, speech, motion, and two ways to draw them (3-D avatars, warped portraits)."""

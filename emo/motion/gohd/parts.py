"""Which named controls GoHD's descriptors of a frame are: pose p, gaze g, expression e, and what of it eyes do, f."""

POSE = ("pose",)
GAZE = ("gaze",)
EXPRESSION = ("mouth", "lids", "brows", "expression")
"""e: jaw, width, rounding, blink, brow and smile, in place of a 3DMM's coefficients."""
EYES = ("lids", "brows")
"""f of Fig. 4: how far lids are closed, and brows moved."""

"""Do the lips of a model's videos move as a real talker's did, for the same sound? For models of any system."""

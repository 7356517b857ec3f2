"""How synthetic people move: the first edition without the sound but for the mouth, the second with it."""

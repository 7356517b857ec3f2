"""`emo evaluate portraits`: what models of any system make of the same portraits and recordings, side by side."""

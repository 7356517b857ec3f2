"""Real videos become training clips (4.1; filters of GAIA, A.1): scenes, one face, filters, crop, labels, split.

`run` puts it together: videos are worked off in pieces, each by `piece.work_piece`, wherever an engine runs it.
"""

"""The classes of part maps: which part of a person a pixel of a synthetic clip shows, or the background."""

PARTS = ("background", "skin", "eyes", "brows", "lips", "mouth", "rest")
"""Names of the classes; a part map holds their places in this tuple.

background: behind the person.
skin: of the face, from the forehead to the chin and to the ears; lids, nostrils and beards too.
eyes: what is seen of the eyeballs between the lids.
brows: the eyebrows.
lips: between the lips' outer and inner edges.
mouth: what an open mouth shows, teeth and tongue too.
rest: all else of the person: hair, ears, neck, clothes.
"""

BACKGROUND, SKIN, EYES, BROWS, LIPS, MOUTH, REST = range(len(PARTS))

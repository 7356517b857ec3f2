"""Ways to break the method, an area a file, and what applies them: see `tests/mutate.py`.

A mutation is a table of one of the TOML files here:

    [[mutation]]
    name = "motion frames: after the video"   # unique; what the method does wrong then
    file = "emo/unets/temporal.py"
    within = "MotionModule.forward"           # optional: the function or class that holds the fragment
    old = 'a fragment that occurs once there'
    new = 'what stands in its place'
    tests = "unets/test_temporal.py"          # below tests/, `file` or `file::test`, one of which must fail

Fragments are literal strings ('...' or '''...'''), as short as they can be: `within` makes a short one unique, so that
formatting the lines around it does not break the mutation.
"""

"""What the training scripts share: configuration, the loop with its state, and EMO's networks and objective.

`loop`, `config`, `state`, `optimizer`, `average`, `logs` and `signals` know nothing of EMO: any object with the
methods of `loop.Stage` trains by them.
"""

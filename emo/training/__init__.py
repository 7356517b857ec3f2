"""Training: the loop with its state, objectives, what the scripts under `train/` share; models have rooms below."""

"""Training: the loop with its state, objectives, what the scripts under `train/` share; a model has a package below."""

"""Samples of one model's training each, drawn from a `ClipReader` by a sampler of that model."""

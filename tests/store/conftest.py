"""The fixtures of the tiny pipeline."""

from pipeline_fixtures import generate, pipe

__all__ = ["generate", "pipe"]

"""The fixtures of the tiny pipelines."""

from pipeline_fixtures import generate, given, pipe

__all__ = ["generate", "given", "pipe"]

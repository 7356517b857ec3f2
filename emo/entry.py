"""Imported first by programs that load torch at once, before it: see `prepare_threads`."""

from emo.cpu import prepare_threads

prepare_threads()

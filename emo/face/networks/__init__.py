"""MediaPipe's networks of faces without MediaPipe: its TensorFlow Lite files, run by PyTorch on the CPU.

What its graphs do before and after a network is done as they do it, so that landmarks agree: docs/platforms.md.
"""

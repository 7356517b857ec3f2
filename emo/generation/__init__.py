"""What generation shares whatever the model: streams, their states, resuming, writing, origin and fingerprint."""

from emo.generation.fingerprint import fingerprint
from emo.generation.origin import repeat_options
from emo.generation.resume import ResumePoint
from emo.generation.stream import ClipState, EMOClip, EMOPipelineOutput, EMOStream
from emo.generation.write import load_resume_point, write_video

__all__ = [
    "ClipState",
    "EMOClip",
    "EMOPipelineOutput",
    "EMOStream",
    "ResumePoint",
    "fingerprint",
    "load_resume_point",
    "repeat_options",
    "write_video",
]

"""What generation shares whatever the model: streams, their states, resuming, writing, origin and fingerprint."""

from emo.generation.clip import Clip, ClipState
from emo.generation.fingerprint import fingerprint
from emo.generation.origin import repeat_options
from emo.generation.output import VideoOutput
from emo.generation.people import PeopleStream, generate_people, stream_people
from emo.generation.resume import ResumePoint
from emo.generation.run import Run
from emo.generation.sampling import sample
from emo.generation.stream import Stream
from emo.generation.write import is_unfinished, write_video

__all__ = [
    "Clip",
    "ClipState",
    "PeopleStream",
    "ResumePoint",
    "Run",
    "Stream",
    "VideoOutput",
    "fingerprint",
    "generate_people",
    "is_unfinished",
    "repeat_options",
    "sample",
    "stream_people",
    "write_video",
]

"""Reading pictures, recordings and videos, and writing the result. No networks; nothing of emo but its errors."""

from emo.media.audio import AudioTrack
from emo.media.constant_rate import ConstantRateReader
from emo.media.contact_sheet import contact_sheet
from emo.media.encoder import MAX_SIDE, check_frame_size, warn_of_frame_size
from emo.media.image import load_image
from emo.media.live_sound import INTERRUPTION, Chunk, LiveSound, Recording
from emo.media.loudness import speech_band_loudness
from emo.media.origin import read_origin
from emo.media.rate import SAMPLE_RATE, as_fps, num_frames
from emo.media.video import VideoReader
from emo.media.writer import VideoWriter, check_output, spool_path

__all__ = [
    "INTERRUPTION",
    "MAX_SIDE",
    "SAMPLE_RATE",
    "AudioTrack",
    "Chunk",
    "ConstantRateReader",
    "LiveSound",
    "Recording",
    "VideoReader",
    "VideoWriter",
    "as_fps",
    "check_frame_size",
    "check_output",
    "contact_sheet",
    "load_image",
    "num_frames",
    "read_origin",
    "speech_band_loudness",
    "spool_path",
    "warn_of_frame_size",
]

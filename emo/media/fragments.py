"""A video that is watched while it is made: fragmented MP4 of H.264 and AAC, as Media Source Extensions take it.

An initialization segment comes first, then a fragment (moof and mdat) for every few frames, each a group of pictures
of its own that is whole as soon as its frames are there. The sound of a fragment's last 0.06 s comes with the next,
as an encoder of sound works by blocks.
"""

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from emo.media.encoder import check_frame_size, even_sides
from emo.media.origin import origin_tags

SOUND_RATE = 48000
CLOCK = 90000  # of the pictures: ticks per second
PRIMING = 1024  # samples of the AAC encoder's own before the first of the sound: by so much pictures begin later
MUXER = {
    "movflags": "empty_moov+default_base_moof+frag_custom+frag_discont+skip_trailer",
    "avoid_negative_ts": "disabled",  # else every fragment would begin at 0
}
H264 = {"preset": "veryfast", "tune": "zerolatency", "crf": "20", "forced-idr": "1", "threads": "1"}
AAC = "mp4a.40.2"


class FragmentEncoder:
    """Frames and their sound to fragments.

    Args:
        size: height and width of the frames; odd ones are padded to even ones.
        fps: frames per second.
        rate: of the sound, in Hz.
        origin: of a generated video, for its metadata; see `emo.media.origin`.

    Attributes:
        head: the initialization segment.
        mime: what a `SourceBuffer` is to be told: kind and codecs.
        frames: how many were encoded.

    Raises:
        OutputError: H.264 holds no frames of this size.
    """

    def __init__(self, size: tuple[int, int], fps: Fraction, rate: int, origin: Mapping[str, Any] | None = None):
        check_frame_size(*size, "the live video")
        self.fps, self.rate, self.frames = fps, rate, 0
        self._samples = self._fragments = 0
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=SOUND_RATE)
        file = io.BytesIO()
        # Its streams are the encoders; every fragment is a container of its own after it, as one that goes on would
        # keep a fragment until the next one begins.
        self._encoders = av.open(file, "w", format="mp4", options=MUXER)
        self._encoders.metadata.update(origin_tags(origin) if origin else {})
        self._video: Any = self._encoders.add_stream("libx264", rate=fps, options=H264)
        self._video.height, self._video.width = (side + side % 2 for side in size)
        self._video.pix_fmt = "yuv420p"
        context = self._video.codec_context
        context.time_base = Fraction(1, CLOCK)
        context.gop_size = 1 << 20  # a fragment begins with a key frame, and has no other
        context.colorspace = context.color_primaries = context.color_trc = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        self._audio: Any = self._encoders.add_stream("aac", rate=SOUND_RATE)
        self._audio.layout = "mono"
        self._encoders.start_encoding()
        self.head = file.getvalue()
        self.mime = f'video/mp4; codecs="{_h264_name(self.head)}, {AAC}"'

    @property
    def seconds(self) -> float:
        """Where the next fragment's pictures begin in the video's time."""
        return self._ticks(self.frames) / CLOCK

    def encode(self, frames: Sequence[np.ndarray], sound: np.ndarray) -> bytes:
        """The next fragment.

        Args:
            frames: RGB uint8 (H, W, 3) each, one at least.
            sound: what is heard with them, float32 (N,).
        """
        packets = []
        for place, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(even_sides(frame), format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            picture.pts, picture.time_base = self._ticks(self.frames), Fraction(1, CLOCK)
            picture.pict_type = PictureType.NONE if place else PictureType.I
            self.frames += 1
            packets += self._encoded(self._video, picture, self._ticks(self.frames) - picture.pts)
        if len(sound):
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None], np.float32), "fltp", "mono")
            block.sample_rate = self.rate
            packets += self._heard(self._resampler.resample(block))
        return self._fragment(packets)

    def finish(self) -> bytes:
        """A last fragment with the end of the sound; none follows."""
        packets = [] if not self.frames else self._heard(self._resampler.resample(None))
        packets += self._encoded(self._audio, None)
        return self._fragment(packets) if packets else b""

    def close(self) -> None:
        """Give the encoders back."""
        self._encoders.close()

    def _ticks(self, frame: int) -> int:
        """When a frame is shown."""
        return round((Fraction(PRIMING, SOUND_RATE) + frame / self.fps) * CLOCK)

    def _heard(self, blocks: list[Any]) -> list[Any]:
        packets = []
        for block in blocks:
            block.pts, block.time_base = PRIMING + self._samples, Fraction(1, SOUND_RATE)
            self._samples += block.samples
            packets += self._encoded(self._audio, block)
        return packets

    @staticmethod
    def _encoded(stream: Any, frame: Any, duration: int = 0) -> list[Any]:
        """Packets that know their stream."""
        packets = list(stream.encode(frame))
        for packet in packets:
            packet.stream = stream
            packet.duration = packet.duration or duration
        return packets

    def _fragment(self, packets: list[Any]) -> bytes:
        self._fragments += 1
        file = io.BytesIO()
        with av.open(file, "w", format="mp4", options={**MUXER, "fragment_index": str(self._fragments)}) as container:
            streams = {
                stream: container.add_stream_from_template(stream, opaque=True)
                for stream in (self._video, self._audio)
            }
            for packet in packets:
                packet.stream = streams[packet.stream]
                container.mux(packet)
        content = file.getvalue()
        return content[_moof(content) :]


def _h264_name(head: bytes) -> str:
    """The codec's name with profile and level, from what the segment says of them."""
    place = head.index(b"avcC") + 5  # past the name and a version
    return f"avc1.{head[place : place + 3].hex()}"


def _moof(content: bytes) -> int:
    """Where the first fragment begins: a box is its length in 4 bytes, 4 letters, and the rest."""
    place = 0
    while content[place + 4 : place + 8] != b"moof":
        place += int.from_bytes(content[place : place + 4], "big")
    return place

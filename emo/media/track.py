"""What is known of a video's pictures before any is asked for."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emo.errors import VideoError
from emo.media.demuxer import Media
from emo.media.picture import PictureForm
from emo.media.timing import Timing


@dataclass(frozen=True)
class Track:
    """What is known of a file's pictures after a pass over its packets and one decoded frame.

    Attributes:
        path: of the file.
        timing: of its pictures.
        form: of its pictures.
        first: the first one, uint8 (height, width, 3) RGB.
        seekable: whether frames can be found by time.
        has_audio: whether the file has a sound track.
    """

    path: Path
    timing: Timing
    form: PictureForm
    first: np.ndarray = field(repr=False)
    seekable: bool
    has_audio: bool

    @classmethod
    def of(cls, path: Path) -> "Track":
        """Read a file's packets, then decode its first picture.

        Raises:
            VideoError: it is no video, or nothing of it can be decoded.
        """
        from av.error import FFmpegError

        with Media(path, VideoError) as media:
            if media.video is None:
                raise VideoError(f"{path} has no video track; give a video")
            timing = Timing.of(media)
            exact = media.format.startswith(("mov,mp4", "matroska"))
            has_audio = media.num_sounds > 0
        try:
            with Media(path, VideoError) as media:  # anew: not every kind of file goes back to its start
                assert media.video is not None
                frame = next(media.container.decode(media.video), None)
                if frame is None:
                    raise VideoError(f"{path} holds no frames that can be decoded; check that it plays")
                form = PictureForm.of(media, frame)
                first = form.picture(frame)
        except FFmpegError as error:
            raise VideoError(f"{path} is not a video this program can read ({error.strerror})") from error
        return cls(path, timing, form, first, exact and timing.stated and timing.begins, has_audio)

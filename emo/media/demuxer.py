"""The one way in which a media file is taken apart: the file that was given is read, and nothing else.

Playlists, scripts of concatenation, session descriptions and image sequences name other files or addresses, which
ffmpeg opens for whoever made the file. So the kinds of container are whitelisted, each of which holds its sound and
pictures itself; and libavformat gets the bytes of a file that is open already, with no protocol by which it could open
another, whatever a container refers to.
"""

import codecs
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, overload

from emo.errors import AudioError, EmoError
from emo.files import require_file

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet, VideoFrame, VideoStream

FORMATS = (
    *(
        "mov",
        "mp4",
        "m4a",
        "3gp",
        "3g2",
        "mj2",
        "matroska",
        "webm",
        "avi",
        "asf",
        "flv",
        "mpeg",
        "mpegts",
        "mpegvideo",
    ),
    *("m4v", "h264", "hevc", "obu", "ivf", "ogg", "mxf", "dv", "rm", "nut", "wav", "w64", "aiff", "caf"),
    *("au", "flac", "mp3", "aac", "loas", "amr", "amrnb", "amrwb", "ac3", "eac3", "dts", "truehd", "wv", "ape", "tta"),
    *("tak", "mpc", "mpc8", "dsf", "voc", "gsm", "oma"),
)
"""Names of libavformat's demuxers that read one file. No hls, dash, concat, sdp, image2, and no kind unknown here."""

OPTIONS = {
    "format_whitelist": ",".join(FORMATS),
    "protocol_whitelist": "none",  # there is none of that name
    "enable_drefs": "0",  # QuickTime's references to other files
    "use_absolute_path": "0",
}
TEXT = 512  # bytes looked at to tell a text
MAX_PIXELS = 1 << 26  # of a video's picture: 8192 x 8192


class Media:
    """A media file, open, with the streams that players take.

    Args:
        path: of the file.
        error: what is raised.
        file: the file where it is open already; `path` is what messages call it then.

    Attributes:
        path: of the file.
        container: PyAV's, to seek in.
        format: libavformat's name of its kind, as "mov,mp4,m4a,3gp,3g2,mj2".
        video: the first stream of moving pictures, cover pictures passed over, or None.
        sound: the first sound stream that is marked as the default, else the first, if its codec is known; or None.
        num_sounds: sound streams in all.

    Raises:
        error: naming the file, if it is missing, a directory, empty, may not be read, or not a media file of a kind
            in `FORMATS`.
    """

    def __init__(self, path: str | os.PathLike, error: type[EmoError], file: BinaryIO | None = None):
        import av
        from av.error import FFmpegError

        self.path = Path(path)
        if file is None:
            require_file(self.path, error)
            file = _opened(self.path, error)
        head = b""
        with ExitStack() as until_open:
            until_open.callback(file.close)
            try:
                head = file.read(TEXT)
                file.seek(0)
                self.container = until_open.enter_context(
                    av.open(_OneFile(file, self.path), mode="r", options=OPTIONS, metadata_errors="replace")
                )
                self._choose_streams()
            except (FFmpegError, OSError, OverflowError, MemoryError, ValueError) as failure:
                reason = getattr(failure, "strerror", None) or type(failure).__name__
                if isinstance(failure, FFmpegError) and _is_text(head):
                    reason = "it is a text, such as a playlist that names other files; give the file itself"
                elif _is_unknown(failure):
                    reason = "its kind is not known here"
                kind = "recording" if issubclass(error, AudioError) else "video"
                raise error(f"{self.path} is not a {kind} this program can read ({reason})") from failure
            self._until_closed = until_open.pop_all()

    def _choose_streams(self) -> None:
        from av.codec.context import Flags
        from av.stream import Disposition

        self.format = self.container.format.name
        streams = self.container.streams
        moving = [s for s in streams.video if not s.disposition & (Disposition.attached_pic | Disposition.still_image)]
        known = [s for s in streams.audio if s.codec_context is not None]
        self.video = moving[0] if moving else None
        if self.video is not None and self.video.codec_context is not None:
            self.video.codec_context.flags |= Flags.unaligned  # or a margin on the left stays, for speed
            self.video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        self.num_sounds = len(streams.audio)
        self.sound = next((s for s in known if s.disposition & Disposition.default), known[0] if known else None)

    def packets(self, stream: "VideoStream | AudioStream") -> "Iterator[Packet]":
        """A stream's packets up to the end of the file, or of what can be read of it; `cut_off` tells which.

        The last one is empty: it takes what is left out of the decoder.
        """
        from av.error import FFmpegError

        packets: Iterator[Packet] = self.container.demux(stream)  # type: ignore[assignment]  (of one kind of stream)
        self.cut_off: Exception | None = None
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError, OverflowError, MemoryError) as failure:
                self.cut_off = failure
                return
            if packet is None:
                return
            yield packet

    @overload
    def decoded(
        self, stream: "VideoStream", on_damage: Callable[[], None] | None = None
    ) -> "Iterator[VideoFrame]": ...

    @overload
    def decoded(
        self, stream: "AudioStream", on_damage: Callable[[], None] | None = None
    ) -> "Iterator[AudioFrame]": ...

    def decoded(
        self, stream: "VideoStream | AudioStream", on_damage: Callable[[], None] | None = None
    ) -> "Iterator[VideoFrame] | Iterator[AudioFrame]":
        """A stream's frames, from where the container stands to the end; damaged packets are left out.

        Args:
            on_damage: called for each packet that does not decode, before what follows it.
        """
        from av.error import FFmpegError

        for packet in self.packets(stream):
            try:
                frames = packet.decode()
            except FFmpegError:
                if on_damage is not None:
                    on_damage()
                continue
            yield from frames  # type: ignore[misc]  (video's or sound's, as the stream is)

    def close(self) -> None:
        """Close the file."""
        self._until_closed.close()

    def __enter__(self) -> "Media":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _OneFile:
    """The file for PyAV, under a name that says no more of it than its ending."""

    def __init__(self, file: BinaryIO, path: Path):
        self.name = f"media{path.suffix.encode('ascii', 'ignore').decode()}"
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.seekable, self.readable, self.close = file.seekable, file.readable, file.close


def _opened(path: Path, error: type[EmoError]) -> BinaryIO:
    try:
        return open(path, "rb", buffering=0)
    except OSError as failure:
        raise error(f"{path} cannot be read ({failure.strerror})") from failure


def _is_text(head: bytes) -> bool:
    """Whether a file that begins like this is a text."""
    try:
        coding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
        text = codecs.getincrementaldecoder(coding)().decode(head)  # a character may be cut at the end
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character.isspace() for character in text)


def _is_unknown(failure: Exception) -> bool:
    """Whether no demuxer knows the file, or one that is not on the whitelist."""
    from av.error import ArgumentError, InvalidDataError

    return isinstance(failure, ArgumentError | InvalidDataError)

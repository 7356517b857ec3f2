"""The work on one segment of one video, from its frames to clips and labels on the disk; and what came of it."""

import base64
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from emo.data.format import ClipInfo, save_labels
from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.faces import SceneTrack, track_scene
from emo.data.prepare.filters import (
    Reason,
    clip_crop,
    divide,
    openings,
    runs,
    silent_frames,
    visual_faults,
)
from emo.data.prepare.labels import place_labels, run_labels
from emo.data.prepare.scenes import split_scenes
from emo.data.prepare.sound import Separator, audible_sound, demucs_separator
from emo.data.prepare.store import Store
from emo.data.prepare.sync import HeardVoice, is_dubbed
from emo.errors import AudioError, VideoError
from emo.face import Crop, FaceDetector
from emo.media import SAMPLE_RATE, AudioTrack, ConstantRateReader, VideoWriter
from emo.metrics import identity_descriptor
from emo.names import printable


@dataclass(frozen=True)
class Segment:
    """Frames `start` to `stop` of a video, at the constant rate.

    Attributes:
        key: of the video's content.
        path: where it lies.
        start: its first frame.
        stop: the frame after its last one.
    """

    key: str
    path: str
    start: int
    stop: int

    @property
    def name(self) -> str:
        """By which its result is kept."""
        return f"{self.key[:16]}-{self.start:07d}"


@dataclass(frozen=True)
class SegmentResult:
    """What came of a segment.

    Attributes:
        frames: looked at.
        kept: frames in clips.
        clips: their rows, without person and split.
        faces: an identity descriptor for each clip.
        dropped: frames for which a reason held; several may hold for one.
        fault: why the segment could not be read, or "".
    """

    frames: int = 0
    kept: int = 0
    clips: tuple[ClipInfo, ...] = ()
    faces: tuple[np.ndarray, ...] = ()
    dropped: dict[str, int] | None = None
    fault: str = ""

    def to_json(self) -> str:
        """As text, for `from_json`."""
        row = asdict(replace(self, faces=()))
        row["faces"] = [base64.b64encode(face.astype("<f2").tobytes()).decode() for face in self.faces]
        return json.dumps(row)

    @classmethod
    def from_json(cls, text: str) -> "SegmentResult":
        """From what `to_json` made."""
        row = json.loads(text)
        faces = tuple(np.frombuffer(base64.b64decode(face), "<f2").astype(np.float32) for face in row["faces"])
        clips = tuple(ClipInfo(**clip) for clip in row["clips"])
        return cls(**{**row, "clips": clips, "faces": faces})


@dataclass(frozen=True)
class Cut:
    """One clip to be made.

    Attributes:
        start: its first frame in the video.
        crop: of all of its frames.
        landmarks: (T, 478, 3) in pixels of the video.
        labels: all that is measured on it, each (T, ...).
    """

    start: int
    crop: Crop
    landmarks: np.ndarray
    labels: dict[str, np.ndarray]


@lru_cache(maxsize=1)
def shared_detector() -> FaceDetector:
    """One detector per process."""
    return FaceDetector()


def process_segment(
    segment: Segment, config: PrepareConfig, store: Store, separator: Separator | None = None
) -> SegmentResult:
    """Make the clips of a segment, then save its result, which is what says that they are whole.

    Args:
        segment: what to work on.
        config: what is kept and how it is cut.
        store: where clips and result go.
        separator: takes the voice out of the music; by default demucs where the configuration asks for it.

    Raises:
        OutputError: the dataset cannot be written to.
        ConfigError: something is asked for that is not installed.
    """
    if config.separate_vocals and separator is None:
        separator = demucs_separator(config.vocals_model)
    try:
        reader = ConstantRateReader(Path(segment.path), config.fps)
        sound = audible_sound(reader, segment.start, segment.stop, separator)
        cuts, frames, dropped = find_cuts(reader, segment, sound, config)
        made = [extract_clip(reader, segment, cut, sound, config, store) for cut in cuts]
        result = SegmentResult(
            frames=frames,
            kept=sum(info.frames for info, _ in made),
            clips=tuple(info for info, _ in made),
            faces=tuple(face for _, face in made),
            dropped={reason.value: dropped[reason] for reason in sorted(dropped)},
        )
    except (VideoError, AudioError) as error:
        result = SegmentResult(fault=str(error).replace(segment.path, "it", 1))
    store.save_result(segment.name, result.to_json())
    return result


def find_cuts(
    reader: ConstantRateReader, segment: Segment, sound: np.ndarray | None, config: PrepareConfig
) -> tuple[list[Cut], int, Counter[Reason]]:
    """The clips that a segment holds, how many frames it has, and for how many of them each reason to drop held."""
    cuts: list[Cut] = []
    frames = 0
    dropped: Counter[Reason] = Counter()
    voice = None if sound is None else HeardVoice.of(sound, segment.stop - segment.start, config.fps)
    size = reader.height, reader.width
    for first, scene in split_scenes(reader.frames(segment.start, segment.stop), config.scene_threshold):
        track = track_scene(scene, shared_detector())
        own = None if voice is None else voice.part(first, first + len(track))
        scene_cuts, reasons = _cuts_of_scene(track, own, size, config)
        cuts += [replace(cut, start=segment.start + first + cut.start) for cut in scene_cuts]
        frames += len(track)
        dropped += reasons
    return cuts, frames, dropped


def _cuts_of_scene(
    track: SceneTrack, voice: HeardVoice | None, size: tuple[int, int], config: PrepareConfig
) -> tuple[list[Cut], Counter[Reason]]:
    """The clips of one scene, counted from its first frame, and the frames for which each reason to drop held."""
    faults = visual_faults(track, size, config.filters)
    if voice is not None:
        mouth = openings(track)
        seen = ~np.any(list(faults.values()), 0)
        for start, stop in runs(seen):
            quiet = silent_frames(mouth[start:stop], voice.loudness[start:stop], config.fps, config.filters)
            faults.setdefault(Reason.QUIET, np.zeros(len(track), bool))[start:stop] = quiet
    dropped = Counter({reason: int(where.sum()) for reason, where in faults.items() if where.any()})
    cuts = []
    for start, stop in runs(~np.any(list(faults.values()), 0)):
        if stop - start < config.min_frames:
            dropped[Reason.SHORT] += stop - start
            continue
        labels = run_labels(track.landmarks[start:stop])
        parts = divide(start, stop, config.max_frames)
        while parts:
            begin, end = parts.pop(0)
            crop = clip_crop(track.boxes[begin:end], size, config)
            if isinstance(crop, Reason) and end - begin >= 2 * config.min_frames:
                parts = divide(begin, end, -(-(end - begin) // 2)) + parts  # a shorter clip may have a crop
            elif isinstance(crop, Reason):
                dropped[crop] += end - begin
            elif voice is not None and is_dubbed(
                track.landmarks[begin:end], voice.lips[begin:end], config.fps, config.filters
            ):
                dropped[Reason.DUBBED] += end - begin
            else:
                own = {name: values[begin - start : end - start] for name, values in labels.items()}
                own |= place_labels(track.landmarks[begin:end], crop)
                cuts.append(Cut(begin, crop, track.landmarks[begin:end], own))
    return cuts, dropped


def extract_clip(
    reader: ConstantRateReader,
    segment: Segment,
    cut: Cut,
    sound: np.ndarray | None,
    config: PrepareConfig,
    store: Store,
) -> tuple[ClipInfo, np.ndarray]:
    """Write a clip's picture and sound, then its labels; returns its row and an identity descriptor (D,)."""
    frames = len(cut.landmarks)
    stop = cut.start + frames
    name = f"{segment.key[:16]}-{cut.start:07d}"
    source = printable(Path(segment.path).name)
    box = f"{cut.crop.x0},{cut.crop.y0},{cut.crop.x1},{cut.crop.y1}"
    info = ClipInfo(
        file_name=f"{name}.mp4",
        labels=f"{name}.safetensors",
        person="",
        split="",
        fps=config.fps,
        frames=frames,
        width=config.size,
        height=config.size,
        has_audio=sound is not None,
        speed=round(float(cut.labels["rotation_speed"].mean()), 4),
        source="video",
        origin=f"{source}, {cut.start / config.fps:.2f} to {stop / config.fps:.2f} s, pixels {box}",
    )
    cropped = np.empty((frames, config.size, config.size, 3), np.uint8)
    frontal = np.argmin(np.abs(cut.labels["yaw"]) + np.abs(cut.labels["pitch"] - np.median(cut.labels["pitch"])))
    descriptor = None
    for number, picture in enumerate(reader.frames(cut.start, stop)):
        assert picture is not None, "frames of clips were seen before"
        cropped[number] = cut.crop.apply(picture)
        if number == frontal:
            descriptor = identity_descriptor(picture, cut.landmarks[number])
    assert descriptor is not None
    with VideoWriter(store.staged(info.file_name), config.fps) as writer:
        writer.write(cropped)
        if sound is None:
            writer.finish()
        else:
            first, last = (round((number - segment.start) / config.fps * SAMPLE_RATE) for number in (cut.start, stop))
            with AudioTrack.open((sound[first:last], SAMPLE_RATE)) as track:
                writer.finish(track)
    save_labels(store.staged(info.labels), {key: value.astype(np.float32) for key, value in cut.labels.items()}, info)
    return info, descriptor

"""The work on one piece of one video, from its frames to clips and labels on the disk; and what came of it."""

import base64
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from emo.data.format import ClipInfo, save_labels
from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.cut import clip_crop
from emo.data.prepare.faces import SceneTrack, track_scene
from emo.data.prepare.filters import (
    CLOSE,
    DUBBED,
    LEAVES,
    QUIET,
    SHORT,
    divide,
    openings,
    runs,
    silent_frames,
    sound_match,
    visual_faults,
)
from emo.data.prepare.footage import SAMPLE_RATE, Footage
from emo.data.prepare.labels import place_labels, run_labels
from emo.data.prepare.scenes import split_scenes
from emo.data.prepare.store import Store
from emo.data.prepare.vocals import Separator, demucs_separator
from emo.errors import AudioError, VideoError
from emo.face import Crop, FaceDetector
from emo.media import AudioTrack, VideoWriter, speech_band_loudness
from emo.metrics import identity_descriptor
from emo.names import printable

INAUDIBLE = 1e-3  # of full scale: a track that stays below is a video without sound


@dataclass(frozen=True)
class Piece:
    """Frames `start` to `stop` of a video, at the constant rate. key: of the video's content. path: where it lies."""

    key: str
    path: str
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.key[:16]}-{self.start:07d}"


@dataclass(frozen=True)
class PieceResult:
    """What came of a piece.

    frames: looked at. kept: frames in clips. clips: their rows, without person and split. faces: an identity
    descriptor for each. dropped: frames for which a reason held; several may hold for one. fault: why the piece could
    not be read, or "".
    """

    frames: int = 0
    kept: int = 0
    clips: tuple[ClipInfo, ...] = ()
    faces: tuple[np.ndarray, ...] = ()
    dropped: dict[str, int] | None = None
    fault: str = ""

    def to_json(self) -> str:
        row = asdict(replace(self, faces=()))
        row["faces"] = [base64.b64encode(face.astype("<f2").tobytes()).decode() for face in self.faces]
        return json.dumps(row)

    @classmethod
    def from_json(cls, text: str) -> "PieceResult":
        row = json.loads(text)
        faces = tuple(np.frombuffer(base64.b64decode(face), "<f2").astype(np.float32) for face in row["faces"])
        clips = tuple(ClipInfo(**clip) for clip in row["clips"])
        return cls(**{**row, "clips": clips, "faces": faces})


@dataclass(frozen=True)
class Cut:
    """One clip to be made: its frames in the video, its crop, and all that is measured on it."""

    start: int
    crop: Crop
    landmarks: np.ndarray
    labels: dict[str, np.ndarray]


@lru_cache(maxsize=1)
def shared_detector() -> FaceDetector:
    """One detector per process."""
    return FaceDetector()


def work_piece(piece: Piece, config: PrepareConfig, store: Store, separator: Separator | None = None) -> PieceResult:
    """Make the clips of a piece, then put down its result, which is what says that they are whole.

    separator: takes the voice out of the music; by default demucs where the configuration asks for it.

    Raises:
        OutputError: the dataset cannot be written to.
        ConfigError: something is asked for that is not installed.
    """
    if config.separate_vocals and separator is None:
        separator = demucs_separator(config.vocals_model)
    try:
        footage = Footage(Path(piece.path), config.fps)
        sound = _audible(footage, piece, separator)
        cuts, frames, dropped = find_cuts(footage, piece, sound, config)
        made = [make_clip(footage, piece, cut, sound, config, store) for cut in cuts]
        kept = sum(info.frames for info, _ in made)
        clips, faces = tuple(info for info, _ in made), tuple(face for _, face in made)
        result = PieceResult(frames, kept, clips, faces, dict(sorted(dropped.items())))
    except (VideoError, AudioError) as error:
        result = PieceResult(fault=str(error).replace(piece.path, "it", 1))
    store.put_result(piece.name, result.to_json())
    return result


def find_cuts(
    footage: Footage, piece: Piece, sound: np.ndarray | None, config: PrepareConfig
) -> tuple[list[Cut], int, Counter[str]]:
    """The clips that a piece holds, how many frames it has, and for how many of them each reason to drop held."""
    cuts, frames, dropped = [], 0, Counter()
    loudness = None
    if sound is not None:
        centers = (np.arange(piece.stop - piece.start) + 0.5) / config.fps
        loudness = speech_band_loudness(sound, centers)
    size = footage.height, footage.width
    for first, scene in split_scenes(footage.frames(piece.start, piece.stop), config.scene_threshold):
        track = track_scene(scene, shared_detector())
        loud = None if loudness is None else loudness[first : first + len(track)]
        found, reasons = _cuts_of_scene(track, loud, size, config)
        cuts += [replace(cut, start=piece.start + first + cut.start) for cut in found]
        frames += len(track)
        dropped += reasons
    return cuts, frames, dropped


def _cuts_of_scene(
    track: SceneTrack, loudness: np.ndarray | None, size: tuple[int, int], config: PrepareConfig
) -> tuple[list[Cut], Counter[str]]:
    """The clips of one scene, counted from its first frame, and the frames for which each reason to drop held."""
    faults, mouth = visual_faults(track, size, config.filters), openings(track)
    if loudness is not None:
        seen = ~np.any(list(faults.values()), 0)
        for start, stop in runs(seen):
            quiet = silent_frames(mouth[start:stop], loudness[start:stop], config.fps, config.filters)
            faults.setdefault(QUIET, np.zeros(len(track), bool))[start:stop] = quiet
    dropped = Counter({reason: int(where.sum()) for reason, where in faults.items() if where.any()})
    cuts = []
    for start, stop in runs(~np.any(list(faults.values()), 0)):
        if stop - start < config.min_frames:
            dropped[SHORT] += stop - start
            continue
        labels = run_labels(track.landmarks[start:stop])
        parts = divide(start, stop, config.max_frames)
        while parts:
            begin, end = parts.pop(0)
            crop = clip_crop(track.boxes[begin:end], size, config)
            if crop in (CLOSE, LEAVES) and end - begin >= 2 * config.min_frames:
                parts = divide(begin, end, -(-(end - begin) // 2)) + parts  # a shorter clip may have a crop
            elif isinstance(crop, str):
                dropped[crop] += end - begin
            elif loudness is not None and (
                sound_match(mouth[begin:end], loudness[begin:end]) < config.filters.min_sync
            ):
                dropped[DUBBED] += end - begin
            else:
                own = {name: values[begin - start : end - start] for name, values in labels.items()}
                own |= place_labels(track.landmarks[begin:end], crop)
                cuts.append(Cut(begin, crop, track.landmarks[begin:end], own))
    return cuts, dropped


def make_clip(
    footage: Footage, piece: Piece, cut: Cut, sound: np.ndarray | None, config: PrepareConfig, store: Store
) -> tuple[ClipInfo, np.ndarray]:
    """Write a clip's picture and sound, then its labels; returns its row and an identity descriptor (D,)."""
    frames, stop = len(cut.landmarks), cut.start + len(cut.landmarks)
    name = f"{piece.key[:16]}-{cut.start:07d}"
    source = printable(Path(piece.path).name)
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
    pictures = np.empty((frames, config.size, config.size, 3), np.uint8)
    frontal = np.argmin(np.abs(cut.labels["yaw"]) + np.abs(cut.labels["pitch"] - np.median(cut.labels["pitch"])))
    for number, picture in enumerate(footage.frames(cut.start, stop)):
        pictures[number] = cut.crop.apply(picture)
        if number == frontal:
            face = identity_descriptor(picture, cut.landmarks[number])
    with VideoWriter(store.staged(info.file_name), config.fps) as writer:
        writer.write(pictures)
        if sound is None:
            writer.finish()
        else:
            first, last = (round((number - piece.start) / config.fps * SAMPLE_RATE) for number in (cut.start, stop))
            with AudioTrack.open((sound[first:last], SAMPLE_RATE)) as track:
                writer.finish(track)
    save_labels(store.staged(info.labels), {key: value.astype(np.float32) for key, value in cut.labels.items()}, info)
    return info, face


def _audible(footage: Footage, piece: Piece, separator: Separator | None) -> np.ndarray | None:
    """The piece's sound, mono at 16 kHz, None where there is none to be heard."""
    if not footage.has_audio:
        return None
    sound = footage.sound(piece.start, piece.stop)
    if separator is not None:
        sound = separator(sound)
    return sound if len(sound) and np.abs(sound).max() > INAUDIBLE else None

"""How well `emo prepare` tells talking clips from clips with a sound that is not theirs: ROC.

    python benchmarks/prepare_sync.py --choose TITLE FILE ... --report TITLE FILE ... --music FILE --voices FILE ...

Faces are followed and sounds heard as `emo prepare` does: as they are; small and badly coded, where faces stay large
enough for it; with the sound disturbed; and over music. Every clip is judged with its own sound, with that of every
other clip of its group, with its own moved by half a second to either side, and with pieces of other voices. A score's
best threshold keeps most own and drops most other sounds, in the mean over the groups of --choose, music aside. What
it does on those of --report is then measured, or what one does that is in use; and what others do to clips as they
are. Both options may be repeated. Faces are read once, into OUT.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from emo.data.prepare.config import FilterConfig
from emo.data.prepare.faces import track_scene
from emo.data.prepare.filters import openings, silent_frames
from emo.data.prepare.probe import probe
from emo.data.prepare.sync import HeardVoice, match_lips, seen_lips
from emo.face import FaceDetector, smooth
from emo.media import SAMPLE_RATE, AudioTrack, ConstantRateReader
from emo.metrics import lagged_correlation
from emo.metrics.face_crops import cut_square, landmark_squares
from emo.metrics.lip_sync import embed_crops, embed_sound, lag_distances
from emo.metrics.syncnet import FRAMES, SyncNet
from emo.training.articulation.disturb import Disturber

FPS = 25
SHIFTS = (12, 13)  # frames: half a second is between them
NEAR = 3  # frames of lag that are in sync
SMALLER = 0.8  # GRID's faces are then hardly large enough for `emo prepare`
MUSIC = 5  # dB that music is below the voice
SWEEP = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
FORMS = ("as they are", "small and badly coded", "sound disturbed", "over music")
WRONG = ("other sounds", "half a second off", "other voices")


@dataclass(frozen=True)
class Tracks:
    """One side of a clip, the mouth or the sound, as every score takes it; T frames.

    Attributes:
        lips: (T,) height of the lips, seen or heard.
        level: (T,) opening of the mouth, or loudness.
        embeddings: (T - 4, D) of SyncNet.
    """

    lips: np.ndarray
    level: np.ndarray
    embeddings: torch.Tensor

    def __len__(self) -> int:
        return len(self.lips)

    def piece(self, start: int, stop: int) -> "Tracks":
        return Tracks(self.lips[start:stop], self.level[start:stop], self.embeddings[start : stop - FRAMES + 1])


Clip = tuple[Tracks, Tracks]  # mouth, sound
Score = Callable[[Tracks, Tracks], float]


def loudness_rule(mouth: Tracks, sound: Tracks) -> float:
    """What `emo prepare` went by before: opening and loudness, smoothed, at the best lag of 5 frames."""
    return lagged_correlation(smooth(mouth.level, 1.5), smooth(sound.level, 1.5), max_lag=5).best


def height_alone(mouth: Tracks, sound: Tracks) -> float:
    """The articulation's height without its change, at the best lag nearby."""
    return lagged_correlation(mouth.lips, sound.lips, max_lag=NEAR).best


def learned(mouth: Tracks, sound: Tracks) -> float:
    """What `emo prepare` goes by."""
    match, lag = match_lips(mouth.lips, sound.lips, FPS)
    return match if abs(lag) * FPS <= NEAR + 1e-6 else -1.0


def syncnet(mouth: Tracks, sound: Tracks) -> float:
    """SyncNet's confidence, of the best lag nearby."""
    sync = lag_distances(mouth.embeddings, sound.embeddings, zero_ends=False)
    nearby = sync.distances[np.abs(sync.lags) <= NEAR]
    return float(np.median(sync.distances) - nearby.min())


def combined(mouth: Tracks, sound: Tracks) -> float:
    """Both; SyncNet's confidence, of about 0 to 8, in units of the other."""
    return learned(mouth, sound) + syncnet(mouth, sound) / 10


SCORES: dict[str, tuple[Score, float | None]] = {  # with the thresholds in use
    "loudness, as before": (loudness_rule, 0.35),
    "height": (height_alone, None),
    "height and its change": (learned, FilterConfig().min_lip_match),
    "SyncNet": (syncnet, None),
    "the last two": (combined, None),
}


def worsened(frame: np.ndarray) -> np.ndarray:
    """A smaller frame, after a bad JPEG."""
    small = cv2.resize(frame, None, fx=SMALLER, fy=SMALLER, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def read(path: Path, network: SyncNet, poor: bool, folder: Path) -> dict[str, np.ndarray] | None:
    """Landmarks, openings, SyncNet's crops and the sound of a file; None where a frame has no face."""
    kept = folder / f"{path.resolve().parent.name}-{path.stem}{'-poor' * poor}.npz"
    if not kept.is_file():
        reader = ConstantRateReader(path, FPS)
        shown = [frame for frame in reader.frames(0, probe(path, FPS).frames) if frame is not None]
        frames = [worsened(frame) for frame in shown] if poor else shown
        with FaceDetector() as detector:
            track = track_scene(frames, detector)
        if not track.found.all():
            return None
        squares = landmark_squares(track.landmarks, network.region)
        crops = [cut_square(f, s, network.crop_size) for f, s in zip(frames, squares, strict=True)]
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            kept, landmarks=track.landmarks, opening=openings(track), crops=np.stack(crops),
            sound=reader.sound(0, len(frames)),
        )  # fmt: skip
    return dict(np.load(kept))


def listen(sound: np.ndarray, frames: int, network: SyncNet) -> Tracks:
    """All that is heard in a sound."""
    sound = np.pad(sound, (0, max(0, frames * SAMPLE_RATE // FPS - len(sound)) + SAMPLE_RATE // FPS))
    voice = HeardVoice.of(sound, frames, FPS)
    embeddings = embed_sound(network, sound.astype(np.float32))[: frames - FRAMES + 1]
    return Tracks(voice.lips, voice.loudness, embeddings)


def load(paths: Sequence[Path], network: SyncNet, folder: Path, music: np.ndarray) -> dict[str, list[Clip]]:
    """The clips of a group in each of FORMS."""
    disturber, rng = Disturber(0), np.random.default_rng(0)

    def over_music(sound: np.ndarray) -> np.ndarray:
        start = int(rng.integers(len(music) - len(sound)))
        piece = music[start : start + len(sound)]
        return sound + piece * np.sqrt((sound**2).mean() / (piece**2).mean()) * 10 ** (-MUSIC / 20)

    forms: dict[str, list[Clip]] = {form: [] for form in FORMS}
    for path in paths:
        arrays = read(path, network, False, folder)
        if arrays is None:
            print(f"{path}: left out, there is not always a face")
            continue
        points = arrays["landmarks"][..., :2]
        face = float(np.median((points.max(1) - points.min(1)).max(1)))
        poor = read(path, network, True, folder) if SMALLER * face > FilterConfig().min_face else None
        disturbed = arrays | {"sound": disturber(arrays["sound"], rng)}
        musical = arrays | {"sound": over_music(arrays["sound"])}
        for form, has in zip(FORMS, (arrays, poor, disturbed, musical), strict=True):
            if has is not None:
                mouth = Tracks(seen_lips(has["landmarks"]), has["opening"], embed_crops(network, [has["crops"]]))
                forms[form].append((mouth, listen(has["sound"], len(mouth), network)))
    return {form: some for form, some in forms.items() if some}


def voices(paths: Sequence[Path], network: SyncNet, seconds: int = 3, most: int = 4) -> list[Tracks]:
    """Pieces of recordings."""
    pieces = []
    for path in paths:
        with AudioTrack.open(path, SAMPLE_RATE) as track:
            sound = track.read(0, min(track.length, most * seconds * SAMPLE_RATE))
        for start in range(0, len(sound) - seconds * SAMPLE_RATE + 1, seconds * SAMPLE_RATE):
            pieces.append(listen(sound[start : start + seconds * SAMPLE_RATE], seconds * FPS, network))
    return pieces


def together(mouth: Tracks, sound: Tracks, score: Score) -> float:
    """The score over the length of the shorter one."""
    frames = min(len(mouth), len(sound))
    return score(mouth.piece(0, frames), sound.piece(0, frames))


def judge(clips: list[Clip], others: list[Tracks], score: Score) -> dict[str, np.ndarray]:
    """Scores with the own sound, and with each kind of WRONG ones."""
    rows: dict[str, list[float]] = {name: [] for name in ("own", *WRONG)}
    for number, (mouth, sound) in enumerate(clips):
        frames = len(mouth)
        rows["own"].append(score(mouth, sound))
        rows[WRONG[0]] += [together(mouth, other, score) for k, (_, other) in enumerate(clips) if k != number]
        for shift in SHIFTS:
            early, late = (0, frames - shift), (shift, frames)
            rows[WRONG[1]] += [score(mouth.piece(*a), sound.piece(*b)) for a, b in ((early, late), (late, early))]
        rows[WRONG[2]] += [together(mouth, other, score) for other in others]
    return {name: np.array(values) for name, values in rows.items()}


def area(own: np.ndarray, wrong: np.ndarray) -> float:
    """Under the ROC."""
    return float(((own[:, None] > wrong).mean() + (own[:, None] >= wrong).mean()) / 2)


def best_threshold(groups: Sequence[dict[str, np.ndarray]]) -> float:
    """The one with the greatest mean over groups of the shares of own sounds kept and of other ones dropped."""
    thresholds = np.unique(np.concatenate([rows["own"] for rows in groups]))
    right = [(rows["own"] >= t).mean() + (rows[WRONG[0]] < t).mean() for t in thresholds for rows in groups]
    return float(thresholds[np.reshape(right, (-1, len(groups))).mean(1).argmax()])


def join(forms: dict[str, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The scores of all forms but that with music."""
    parts = [rows for form, rows in forms.items() if form != FORMS[3]]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def report(found: dict[str, dict[str, dict[str, np.ndarray]]], threshold: float) -> None:
    """A row for each group and form."""
    for group, forms in found.items():
        for form, rows in {**forms, "all but music": join(forms)}.items():
            own = rows["own"]
            areas = " | ".join(f"{area(own, rows[kind]):.3f}" for kind in WRONG)
            dropped = " | ".join(f"{100 * (rows[k] < threshold).mean():.1f} of {len(rows[k])}" for k in WRONG)
            print(f"| {group}, {form} | {areas} | {(own >= threshold).sum()} of {len(own)} | {dropped} |")


def sweep(found: dict[str, dict[str, dict[str, np.ndarray]]]) -> None:
    """What is kept, and of each kind of WRONG dropped, in each group as it is, at several thresholds."""
    print("\n| % kept; dropped of each kind |" + "".join(f" {threshold:g} |" for threshold in SWEEP))
    print("|" + "---|" * (1 + len(SWEEP)))
    for group, forms in found.items():
        rows = forms[FORMS[0]]
        cells = []
        for threshold in SWEEP:
            dropped = ", ".join(f"{100 * (rows[kind] < threshold).mean():.0f}" for kind in WRONG)
            cells.append(f"{100 * (rows['own'] >= threshold).mean():.0f}; {dropped}")
        print(f"| {group} | {' | '.join(cells)} |")


def speaking(clips: list[Clip]) -> str:
    """How many frames of talking clips `silent_frames` takes for silence."""
    silent = [silent_frames(mouth.level, sound.level, FPS, FilterConfig()) for mouth, sound in clips]
    return f"{sum(int(each.sum()) for each in silent)} of {sum(map(len, silent))} frames"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", nargs="+", action="append", required=True)
    parser.add_argument("--report", nargs="+", action="append", required=True)
    parser.add_argument("--voices", nargs="*", type=Path, default=[])
    parser.add_argument("--music", type=Path, required=True, help="a song of a minute or so")
    parser.add_argument("--scores", nargs="+", choices=SCORES, default=list(SCORES))
    parser.add_argument("--syncnet", type=Path, default=Path("weights/syncnet-tiny"))
    parser.add_argument("--out", type=Path, default=Path("out/bench-prepare/sync"))
    options = parser.parse_args()
    network = SyncNet.from_folder(options.syncnet).eval()
    groups = {title: [Path(file) for file in files] for title, *files in options.choose + options.report}
    chosen_by = [title for title, *_ in options.choose]
    with AudioTrack.open(options.music, SAMPLE_RATE) as track:
        music = track.read(0, track.length)
    clips = {title: load(paths, network, options.out, music) for title, paths in groups.items()}
    pieces = voices(options.voices, network)
    for title, forms in clips.items():
        print(f"taken for silence, {title}: {speaking(forms[FORMS[0]])}")
    for title in options.scores:
        score, used = SCORES[title]
        found = {
            group: {form: judge(some, pieces, score) for form, some in forms.items()} for group, forms in clips.items()
        }
        best = best_threshold([join(found[title]) for title in chosen_by])
        threshold = best if used is None else used
        print(f"\n{title}, threshold {threshold:.3f}, the best {best:.3f}\n")
        areas = " | ".join(f"AUC {kind}" for kind in WRONG)
        print(f"| clips | {areas} | kept | {' | '.join(f'dropped, % of {kind}' for kind in WRONG)} |")
        print("|" + "---|" * (2 + 2 * len(WRONG)))
        report(found, threshold)
        if score is learned:
            sweep(found)


if __name__ == "__main__":
    main()

"""What train/articulation.py learns from: mouths read in videos, and voices that tell their phones.

    python train/articulation_data.py clips VIDEOS [--alignments WORDS.json] --out DIR
    python train/articulation_data.py voices [--sentences 240] [--seed 0] --out DIR

WORDS.json: {name of a video without its ending: {"words": [[word, start, end], ...]}}, as the GRID corpus tells them.
"""

import emo.entry  # noqa: F401

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from emo.articulation import measure_mouth
from emo.articulation.features import SAMPLE_RATE
from emo.articulation.pronunciation import Word, WordRule
from emo.errors import ConfigError, EmoError
from emo.face import FaceDetector, track_face
from emo.media import AudioTrack, VideoReader
from emo.search import VIDEOS, find_files
from emo.training.articulation.align import Aligner
from emo.training.articulation.talks import Talk, as_sound
from emo.training.articulation.voices import speak
from emo.training.script import run

MOST_MISSED = 0.1  # of the frames, without a face


def read_clip(path: Path, detector: FaceDetector) -> Talk | None:
    """The mouth and the sound of a video; None where the face is missed too often."""
    with VideoReader(path) as video:
        fps = float(video.fps)
        track = track_face((video.read([i])[0] for i in range(len(video))), detector, name=str(path))
    if 1 - track.found.mean() > MOST_MISSED:
        return None
    with AudioTrack.open(path, SAMPLE_RATE) as sound:
        heard = as_sound(sound.read(0, sound.length))
    return Talk(path.stem, "clip", heard, measure_mouth(track.landmarks), fps)


def clips(folder: str, alignments: str | None, out: Path) -> None:
    """Read the mouths of a folder's videos, and align what is said in them."""
    words = {}
    if alignments:
        try:
            entries = json.loads(Path(alignments).read_text(encoding="utf-8"))
            words = {name: [Word(*row) for row in entry["words"]] for name, entry in entries.items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"--alignments {alignments} cannot be used ({error})") from error
    talks = []
    with FaceDetector() as detector:
        for path in tqdm(find_files(Path(folder), VIDEOS, "clips"), unit="video"):
            try:
                talk = read_clip(path, detector)
            except EmoError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            talks += [talk] if talk else []
    aligner = Aligner() if words else None
    phones = {t.name: aligner.align(t.sound, words[t.name]) for t in talks if aligner and t.name in words}
    rule = WordRule([(said, words[name]) for name, said in phones.items() if said])
    for talk in talks:
        said = phones.get(talk.name) or (rule.phones(words[talk.name]) if talk.name in words else None)
        Talk(talk.name, talk.kind, talk.sound, talk.mouth, talk.fps, said).write(out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    read = kinds.add_parser("clips")
    read.add_argument("folder")
    read.add_argument("--alignments")
    said = kinds.add_parser("voices")
    said.add_argument("--sentences", type=int, default=240)
    said.add_argument("--seed", type=int, default=0)
    for kind in (read, said):
        kind.add_argument("--out", type=Path, required=True)
        kind.add_argument("--debug", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.kind == "clips":
        clips(options.folder, options.alignments, options.out)
    else:
        for talk in tqdm(speak(options.sentences, options.seed), unit="talk"):
            talk.write(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))

"""What train/reference_decoder.py learns from: frames of synthetic people beside a reference, with exact flow.

    python train/reference_decoder_data.py --out DIR --clips 1500 --identities 300 --portraits PICTURES

    python train/reference_decoder_data.py --out DIR --model FOLDER ...    # with the errors of that model's latents
    python train/reference_decoder_data.py --out DIR --landmarks ...    # with FaceMesh's, for train/gaia_vae.py

Called again, it goes on where it was stopped, and with --landmarks adds them to what there is. Options about portraits
are those of `emo synthesize`.
"""

import emo.entry  # noqa: F401

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from emo import EMOPipeline
from emo.cli.portraits import add_portrait_options, portrait_settings
from emo.cpu import available_cores
from emo.data.synthetic.config import SyntheticConfig
from emo.data.synthetic.reference_pairs import draw_pairs, read_pairs
from emo.data.synthetic.renderer import Renderer
from emo.errors import OptionError
from emo.face import FaceDetector
from emo.processes import in_processes
from emo.training.reference_decoder.predictions import LatentPredictor, draw_predicted
from emo.training.script import run

SECONDS = 3.0


class Maker(NamedTuple):
    """What draws: frames, some of them at rest and some acted, with their latents' errors where there is a model, and
    landmarks where there is a detector."""

    renderer: Renderer
    at_rest: int
    acting: float
    predictor: LatentPredictor | None
    detector: FaceDetector | None

    @classmethod
    def of(cls, config: SyntheticConfig, at_rest: int, acting: float, model: str | None, landmarks: bool) -> "Maker":
        predictor = LatentPredictor(EMOPipeline.from_pretrained(model)) if model else None
        return cls(Renderer(config), at_rest, acting, predictor, FaceDetector() if landmarks else None)

    def make(self, task: tuple[int, int, Path]) -> None:
        index, frames, path = task
        clip = self.renderer.config.clip_spec(index)
        if path.is_file():
            pairs = read_pairs(path)
            if self.detector is None or pairs.landmarks is not None:
                return
        elif self.predictor is None:
            pairs = draw_pairs(self.renderer, clip, frames, self.at_rest, self.acting)
        else:
            pairs = draw_predicted(self.renderer, clip, frames, self.predictor)
        (pairs.with_landmarks(self.detector) if self.detector else pairs).write(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder, with train and test in it")
    parser.add_argument("--clips", type=int, default=1000, help="references (default 1000)")
    parser.add_argument("--frames", type=int, default=8, help="frames beside each, an even number (default 8)")
    parser.add_argument("--at-rest", type=int, default=0, help="of them at rest, an even number (default 0)")
    parser.add_argument(
        "--acting",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the others, with eyes, lids, brows and smiles as chance has them, 0 to 1 (default 0)",
    )
    parser.add_argument("--identities", type=int, default=100, help="avatars (default 100; 0 for portraits alone)")
    parser.add_argument("--size", type=int, default=256, help="pixels (default 256)")
    parser.add_argument("--seed", type=int, default=0, help="other seeds, other people (default 0)")
    parser.add_argument("--test-share", type=float, default=0.05, help="share of people for test (default 0.05)")
    parser.add_argument("--model", metavar="FOLDER", help="pipeline whose latents' errors are kept as well")
    parser.add_argument("--workers", type=int, default=available_cores(), help="processes (default: one per core)")
    parser.add_argument("--debug", action="store_true")
    add_portrait_options(parser)
    options = parser.parse_args()
    if options.frames < 2 or options.frames % 2:
        raise OptionError(f"--frames {options.frames}: must be an even number, at least 2", option="frames")
    if not 0 <= options.at_rest <= options.frames or options.at_rest % 2:
        raise OptionError(f"--at-rest {options.at_rest}: must be an even number of --frames", option="at_rest")
    if not 0 <= options.acting <= 1:
        raise OptionError(f"--acting {options.acting}: must be 0 to 1", option="acting")
    for name in ("at_rest", "acting"):
        if getattr(options, name) and options.model:
            raise OptionError(f"--{name.replace('_', '-')} is for frames without a model's errors", option=name)
    config = SyntheticConfig(
        seed=options.seed,
        identities=options.identities,
        size=options.size,
        seconds=SECONDS,
        test_share=options.test_share,
        **{**portrait_settings(options, None), "landmarks": False},  # FaceMesh finds them in what is drawn
    )
    tasks = []
    for index in range(options.clips):
        path = options.out / config.clip_spec(index).split / f"{index:06d}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        if options.landmarks or not path.is_file():
            tasks.append((index, options.frames, path))
    workers = max(1, min(options.workers, len(tasks)))
    context = partial(Maker.of, config, options.at_rest, options.acting, options.model, options.landmarks)
    for _ in tqdm(in_processes(Maker.make, tasks, workers, context=context), total=len(tasks)):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(run(main))

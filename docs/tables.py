"""Writes what configurations' fields say into the guides: tables of keys, and the comments of configs/prepare.yaml.

    python docs/tables.py           # after a field has changed
    python docs/tables.py --check   # only whether all is as it should be; exits 1 otherwise

A table stands in a guide between `<!-- keys: NAME -->` and `<!-- end of keys -->`; NAME is one of `TABLES`, or with a
section of it, as in `stage.train.optimizer`.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

from omegaconf import MISSING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "train")]

from stage1_image import ImageConfig  # noqa: E402
from stage2_video import VideoConfig  # noqa: E402
from stage3_speed import SpeedConfig  # noqa: E402

from emo.config import Key, keys  # noqa: E402
from emo.data.prepare.config import PrepareConfig  # noqa: E402
from emo.training.articulation import ArticulationTrainingConfig  # noqa: E402
from emo.training.audio_encoder import AudioEncoderTrainingConfig  # noqa: E402
from emo.training.autoencoder import AutoencoderTrainingConfig  # noqa: E402
from emo.training.capp import CAPPTrainingConfig  # noqa: E402
from emo.training.emo_distillation import DistillationConfig  # noqa: E402
from emo.training.gaia import GAIAMotionConfig  # noqa: E402
from emo.training.gaia_vae import GAIAVAEConfig  # noqa: E402
from emo.training.gohd import GoHDEyeConfig, GoHDLipConfig, GoHDPoseConfig, GoHDReaderConfig  # noqa: E402
from emo.training.gohd_face import GoHDFaceConfig  # noqa: E402
from emo.training.reference_decoder import ReferenceDecoderTrainingConfig  # noqa: E402
from emo.training.syncnet import SyncNetTrainingConfig  # noqa: E402
from emo.training.vasa import VASAMotionConfig  # noqa: E402
from emo.training.vasa_codes import VASACodesConfig  # noqa: E402
from emo.training.vasa_face import VASAFaceConfig  # noqa: E402

STAGES: dict[str, type] = {"1": ImageConfig, "2": VideoConfig, "3": SpeedConfig, "4": DistillationConfig}
TABLES: dict[str, type] = {
    "prepare": PrepareConfig,
    "stage": ImageConfig,
    "autoencoder": AutoencoderTrainingConfig,
    "reference_decoder": ReferenceDecoderTrainingConfig,
    "audio_encoder": AudioEncoderTrainingConfig,
    "syncnet": SyncNetTrainingConfig,
    "articulation": ArticulationTrainingConfig,
    "vasa_motion": VASAMotionConfig,
    "vasa_face": VASAFaceConfig,
    "vasa_codes": VASACodesConfig,
    "capp": CAPPTrainingConfig,
    "gaia_vae": GAIAVAEConfig,
    "gaia_motion": GAIAMotionConfig,
    "gohd_pose": GoHDPoseConfig,
    "gohd_reader": GoHDReaderConfig,
    "gohd_lips": GoHDLipConfig,
    "gohd_eyes": GoHDEyeConfig,
    "gohd_face": GoHDFaceConfig,
}
OWN = "stages' own"  # keys that not all stages have, and those of how often they drop conditions
COMMON = ("data", "model", "objective", "validation", "train")  # sections of all stages
GUIDES = (
    "docs/prepare.md",
    "docs/training.md",
    "docs/vasa.md",
    "docs/vasa-face.md",
    "docs/capp.md",
    "docs/gaia.md",
    "docs/gohd.md",
    "docs/gohd-face.md",
)
PREPARE = "configs/prepare.yaml"
MARKED = re.compile(r"(<!-- keys: (.+?) -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def written(root: Path) -> Iterator[tuple[Path, str]]:
    """The files in which keys stand, and what they should hold."""
    for name in GUIDES:
        text = (root / name).read_text(encoding="utf-8")
        yield root / name, MARKED.sub(lambda match: f"{match[1]}{table(match[2])}{match[3]}", text)
    text = (root / PREPARE).read_text(encoding="utf-8")
    header = [line for line in text.splitlines() if line.startswith("#")]
    yield root / PREPARE, "\n".join([*header, *commented(PrepareConfig)]) + "\n"


def table(name: str) -> str:
    """A table of keys in Markdown."""
    if name == OWN:
        head, rows = ("key", "default", "stages", "meaning"), list(own_rows())
    else:
        head, rows = ("key", "default", "meaning"), list(common_rows(name))
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def common_rows(name: str) -> Iterator[list[str]]:
    """Keys of a class and its sections, but for the loop's, which has a table of its own; or of one section."""
    kind, _, section = name.partition(".")
    prefix = f"{section}." if section else ""
    for key in leaves(TABLES[kind]):
        inner = key.name.removeprefix(prefix)
        elsewhere = "." in inner if section else inner.startswith("train.")
        if key.name.startswith(prefix) and not elsewhere:
            yield [f"`{inner}`", default(key), key.help]


def own_rows() -> Iterator[list[str]]:
    """What stages add to the sections they share, with the stages that do."""
    found: dict[str, tuple[Key, list[str]]] = {}
    for stage, schema in STAGES.items():
        for key in leaves(schema):
            if key.name.split(".")[0] not in COMMON:
                found.setdefault(key.name, (key, []))[1].append(stage)
    sections = list(dict.fromkeys(name.split(".")[0] for name in found))
    for key, stages in sorted(found.values(), key=lambda row: sections.index(row[0].name.split(".")[0])):
        yield [f"`{key.name}`", default(key), "all" if len(stages) == len(STAGES) else ", ".join(stages), key.help]


def leaves(schema: type) -> Iterator[Key]:
    """All keys but sections."""
    return (key for key in keys(schema) if not is_dataclass(key.default))


def default(key: Key) -> str:
    """A key's default, as a table has it."""
    if key.default == MISSING:
        return "must be given"
    if key.default is None or key.default == []:
        return key.unset
    return f"`{plain(key.default)}`, {key.unset}" if key.unset else f"`{plain(key.default)}`"


def commented(schema: type) -> Iterator[str]:
    """All keys with their defaults as YAML, and their meanings as comments."""
    for key in keys(schema):
        *outer, name = key.name.split(".")
        value = "" if is_dataclass(key.default) else f" {plain(key.default)}"
        if is_dataclass(key.default):
            yield ""
        yield f"{'  ' * len(outer)}{name}:{value}  # {key.help.replace('`', '')}"


def plain(value: object) -> str:
    """A value as YAML has it, in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and value and abs(value) < 1e-3 else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stale = [(path, text) for path, text in written(ROOT) if path.read_text(encoding="utf-8") != text]
    said = "is not up to date: run python docs/tables.py" if options.check else "written"
    for path, text in stale:
        print(f"{path.relative_to(ROOT)} {said}")
        if not options.check:
            path.write_text(text, encoding="utf-8")
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

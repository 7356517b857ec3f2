"""Whether the wheel in a folder holds what it has to, and is small enough: `make wheel`. Not collected by pytest."""

import sys
import zipfile
from pathlib import Path

LIMIT = 95e6  # bytes; the package index takes 100 MB
NEEDED = (
    "emo/py.typed",
    "emo/_bundled/configs/model/emo-tiny.yaml",
    "emo/_bundled/weights/emo-tiny/model_index.json",
    "emo/_bundled/weights/gohd-tiny/model_index.json",
    "emo/_bundled/weights/syncnet-tiny/config.json",
    "emo/_bundled/weights/vasa-mesh/model_index.json",
    "emo/_bundled/weights/vasa-tiny/model_index.json",
    "emo/_bundled/weights/articulation/config.json",
    "emo/_bundled/weights/audio-encoder/config.json",
)
# Of the repository alone:
LEFT_OUT = ("emo/_bundled/weights/emo-tiny-teacher/", "emo/_bundled/weights/gaia-tiny/")


def faults(wheel: Path) -> list[str]:
    names = zipfile.ZipFile(wheel).namelist()
    found = [f"{name} is missing" for name in NEEDED if name not in names]
    found += [f"{name} does not belong there" for name in names if name.split("/")[0] in {"tests", "train", "docs"}]
    found += [f"{folder} does not belong there" for folder in LEFT_OUT if any(n.startswith(folder) for n in names)]
    if (size := wheel.stat().st_size) > LIMIT:
        found.append(f"{size / 1e6:.0f} MB, more than {LIMIT / 1e6:.0f}")
    return found


if __name__ == "__main__":
    (path,) = Path(sys.argv[1]).glob("emo-*.whl")
    said = faults(path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB", *said, sep="\n")
    sys.exit(1 if said else 0)

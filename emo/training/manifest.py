"""Whether a checkpoint is whole: a list of its files with their sizes and checksums, written last."""

import json
import os
import zipfile
import zlib
from pathlib import Path

from safetensors import safe_open

MANIFEST = "files.json"
WEIGHTS = "model.safetensors"
ALWAYS = "random_states_0.pkl"  # a file that every checkpoint has, lists or not
WHOLE = (WEIGHTS, "optimizer.bin", ALWAYS, "custom_checkpoint_0.pkl")  # which every one has that is not sharded
SHARDED = "pytorch_model"  # with which the names of FSDP's and DeepSpeed's files and folders begin
CHUNK = 2**22


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder looks like a checkpoint."""
    return any(os.path.isfile(folder / name) for name in (MANIFEST, ALWAYS))


def write_manifest(folder: Path) -> None:
    """List what is in a finished folder, in `files.json`."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    listed = {name: {"size": path.stat().st_size, "crc32": _crc32(path)} for name, path in files.items()}
    (folder / MANIFEST).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def damage(folder: Path) -> str | None:
    """Which file of a checkpoint is not as it was written, and how; `None` if it is whole.

    Those without a list, of earlier versions, are judged by what their files' own formats tell.
    """
    if not (folder / MANIFEST).exists():
        return _unreadable(folder)
    try:
        listed = json.loads((folder / MANIFEST).read_bytes())
        expected = {folder / name: (int(entry["size"]), int(entry["crc32"])) for name, entry in listed.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"{MANIFEST} is damaged"
    if ALWAYS not in listed:
        return f"{MANIFEST} lists no {ALWAYS}"
    for path, (size, crc32) in expected.items():
        name = path.relative_to(folder)
        try:
            found = path.stat().st_size
            if found != size:
                return f"{name} has {found} of {size} bytes"
            if _crc32(path) != crc32:
                return f"{name} is damaged"
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return None


def _unreadable(folder: Path) -> str | None:
    """The first file that is missing, empty, cut off or altered as far as its format shows."""
    names = {path.name for path in folder.iterdir()}
    sharded = any(name.startswith(SHARDED) for name in names)
    if missing := [name for name in ((ALWAYS,) if sharded else WHOLE) if name not in names]:
        return f"{missing[0]} is missing"
    for path in sorted(folder.rglob("*")):
        try:
            if path.suffix == ".safetensors":
                with safe_open(path, framework="pt"):
                    pass
            elif path.suffix in (".bin", ".pkl", ".pt"):  # as torch.save writes them
                with zipfile.ZipFile(path) as archive:
                    if archive.testzip() is not None:
                        return f"{path.name} is damaged"
        except Exception:  # zipfile raises many kinds for what was altered
            return f"{path.name} is damaged"
    return None


def _crc32(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum

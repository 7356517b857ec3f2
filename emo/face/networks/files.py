"""Where the networks' files are: in an installed MediaPipe, in the cache, or taken out of MediaPipe's wheel.

MediaPipe 0.10.21 is the last one whose wheels carry them. They are Google's, under Apache-2.0.
"""

import hashlib
import importlib.util
import zipfile
from http.client import HTTPException
from pathlib import Path

from emo.downloads import cache_folder, download, is_offline, sha256
from emo.errors import WeightsError, first_line
from emo.files import write_whole

NEAR_FINDER = "face_detection/face_detection_short_range.tflite"
FAR_FINDER = "face_detection/face_detection_full_range_sparse.tflite"
MESH = "face_landmark/face_landmark_with_attention.tflite"
PEOPLE = "selfie_segmentation/selfie_segmentation.tflite"

CHECKSUMS = {
    NEAR_FINDER: "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    FAR_FINDER: "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    MESH: "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
    PEOPLE: "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}
"""sha256 of each file, by its place in `mediapipe/modules`."""

WHEEL = "mediapipe-0.10.21-cp312-cp312-manylinux_2_28_x86_64.whl"
WHEEL_URL = f"https://files.pythonhosted.org/packages/9f/99/5da7ae7f7e25847383bc2fe5a9adc7ce150dd371682f486c0666b407cad7/{WHEEL}"
WHEEL_CHECKSUM = "956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5"
"""Of the smallest wheel; those for other systems carry the same files."""


def network_file(name: str) -> Path:
    """A network's file; its checksum is right.

    Looked for in an installed MediaPipe, then in the cache, then in any wheel of MediaPipe 0.10.21 that lies there;
    then the wheel is fetched from PyPI (36 MB), the networks are taken out of it (4 MB) and it is deleted.

    Args:
        name: one of `CHECKSUMS`.

    Raises:
        WeightsError: it is nowhere, and cannot or may not be fetched; says what helps.
    """
    if (path := _kept(name)) is not None:
        return path
    folder = cache_folder("faces")
    try:
        wheels = sorted(folder.glob("mediapipe-0.10.21-*.whl"))
        fetched = not wheels
        if fetched:
            if is_offline():
                raise _missing("HF_HUB_OFFLINE is set")
            download(WHEEL_URL, folder / WHEEL, WHEEL_CHECKSUM, _missing)
            wheels = [folder / WHEEL]
        _unpack(wheels[0], folder)
        if fetched:
            wheels[0].unlink(missing_ok=True)
    except (OSError, HTTPException) as error:
        raise _missing(f"they cannot be fetched ({first_line(error)})") from error
    return folder / Path(name).name


def are_networks_here() -> bool:
    """Whether all networks are on this machine: nothing has to be fetched."""
    return all(_kept(name) for name in CHECKSUMS)


def _kept(name: str) -> Path | None:
    """A network's file that is on this machine, and right."""
    spec = importlib.util.find_spec("mediapipe")  # does not import it
    installed = (spec.submodule_search_locations or ()) if spec else ()
    places = [Path(folder) / "modules" / name for folder in installed]
    for path in (*places, cache_folder("faces") / Path(name).name):
        if path.is_file() and sha256(path) == CHECKSUMS[name]:
            return path
    return None


def _unpack(wheel: Path, folder: Path) -> None:
    """All networks out of a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            contents = {name: archive.read(f"mediapipe/modules/{name}") for name in CHECKSUMS}
    except (zipfile.BadZipFile, KeyError) as error:
        raise _missing(f"{wheel} is no wheel of MediaPipe 0.10.21 ({first_line(error)}): delete it") from error
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != CHECKSUMS[name]:
            raise _missing(f"{wheel} holds another {Path(name).name}: delete it")
    for name, content in contents.items():
        write_whole(folder / Path(name).name, content)


def _missing(why: str) -> WeightsError:
    return WeightsError(
        f"faces are found by MediaPipe's networks, which are not on this machine: {why}; pip install 'emo[mediapipe]' "
        f"where it can be installed, or put {WHEEL} of PyPI into {cache_folder('faces')} (docs/platforms.md)"
    )

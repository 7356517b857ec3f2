"""Folders as other systems' inference scripts leave them: which files are results, and of what picture and sound.

Each system names its results in its own way, or not at all. What a name says is the picture and the sound that it was
made of; the real video of the same sound and the picture itself are found by these names.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emo.errors import OptionError
from emo.evaluation.compare.pairs import Pair
from emo.files import require_folder
from emo.names import printable
from emo.search import PICTURES, VIDEOS, find_files

JOINTS = ("##", "__", "_", "-")
"""What stands between a picture's and a sound's name."""


@dataclass(frozen=True)
class Result:
    """A video that a system made.

    Attributes:
        path: of the file.
        name: what it says of picture and sound; may be empty.
        run: what else tells it from others: the folder or the time.
        settings: what its name says of how it was made.
    """

    path: Path
    name: str
    run: str
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A system's way of leaving results.

    Attributes:
        title: of the system.
        results: finds them in a folder.
        advice: what helps where names say nothing.
    """

    title: str
    results: Callable[[Path], Iterator[Result]]
    advice: str


@dataclass(frozen=True)
class Found:
    """A folder's videos, with what belongs to them.

    Attributes:
        pairs: sorted by name.
        references: all real videos.
        settings: that names of results say, with the values that occur.
        unnamed: videos whose names say neither a picture's nor a sound's that is there.
        crossed: videos of one real video's person and another's sound, of which there is no truth.
    """

    pairs: list[Pair]
    references: list[Path]
    settings: dict[str, list[str]]
    unnamed: list[str]
    crossed: list[str]


def find_results(
    system: str, folder: Path, reference: Path, portraits: Path | None, outputs: Sequence[Path] = ()
) -> Found:
    """A system's videos, each with the real video of its sound and the picture that it was made from.

    Args:
        system: a key of `LAYOUTS`.
        folder: that its script wrote into.
        reference: real videos, or one; a video's name is that of the sound that was taken from it.
        portraits: pictures that the system was given, if any are there.
        outputs: left out of the search for real videos.

    Raises:
        OptionError: a folder is none or holds nothing of the kind, or two real videos or pictures have one name.
    """
    layout = LAYOUTS[system]
    option = f"--from-{system}"
    require_folder(folder, OptionError, f"give the folder into which {layout.title} wrote, with {option}")
    results = sorted(layout.results(folder), key=lambda result: str(result.path))
    if not results:
        raise OptionError(
            f"{option} {folder}: no video of {layout.title} is there; {layout.advice}", option="generated"
        )
    references = find_files(reference, VIDEOS, "--reference", outputs)
    alone = reference if reference.is_file() else None
    sounds = _by_stem(references, "--reference")
    pictures = _by_stem(find_files(portraits, PICTURES, "--portraits") if portraits else [], "--portraits")
    counts = Counter(result.name for result in results)
    pairs: list[Pair] = []
    settings: dict[str, set[str]] = {}
    unnamed, crossed = [], []
    for result in results:
        sound, source = _ending(result.name, sounds), _beginning(result.name, sounds)
        picture = _beginning(result.name, pictures)
        real = alone or (sounds[sound] if sound else None)
        name = result.name if result.name and counts[result.name] == 1 else f"{result.run}/{result.name}".strip("/")
        if not alone and sound and source and source != sound:
            real = None
            crossed.append(name)
        elif real is None and picture is None:
            unnamed.append(name)
        pairs.append(Pair(printable(name), result.path, real, pictures[picture] if picture else None))
        for key, value in result.settings.items():
            settings.setdefault(key, set()).add(value)
    pairs = _with_different_names(pairs)
    return Found(
        sorted(pairs, key=lambda pair: pair.name),
        references,
        {key: sorted(values) for key, values in settings.items()},
        unnamed,
        crossed,
    )


def _hallo(folder: Path) -> Iterator[Result]:
    """`--output` names a file, by default `.cache/output.mp4`; masks beside it are named by the picture."""
    for path in _videos(folder, hidden=True):
        if path.stem != "output":
            yield Result(path, path.stem, path.parent.name)
            continue
        place = path.parent.parent if path.parent.name == ".cache" else path.parent
        masks = sorted(file.name.removesuffix("_sep_lip.png") for file in path.parent.glob("*_sep_lip.png"))
        sounds = sorted(
            {file.stem.partition("_(Vocals)")[0] for file in path.parent.glob("audio_preprocess/*_(Vocals)*")}
        )
        known = masks + sounds if len(masks) == len(sounds) == 1 else []
        yield Result(path, "##".join(known) or ("" if place == folder else place.name), place.name)


def _echomimic(folder: Path) -> Iterator[Result]:
    """`DATE/TIME--seed_S-WxH/PICTURE_SOUND_HxW_CFG_TIME.mp4`, with sound as `…_withaudio.mp4`."""
    pattern = re.compile(r"(?P<name>.+)_(?P<size>\d+x\d+)_(?P<guidance>\d+)_(?P<time>\d{4})(?P<sound>_withaudio)?")
    paths = list(_videos(folder))
    stems = {path.with_suffix("") for path in paths}
    for path in paths:
        match = pattern.fullmatch(path.stem)
        if match is None or (not match["sound"] and Path(f"{path.with_suffix('')}_withaudio") in stems):
            continue
        seed = re.search(r"seed_(-?\d+)", path.parent.name)
        settings = {"height x width": match["size"], "guidance": match["guidance"]}
        yield Result(path, match["name"], path.parent.name, settings | ({"seed": seed[1]} if seed else {}))


def _latentsync(folder: Path) -> Iterator[Result]:
    """`--video_out_path` names a file; `…_mask.mp4` lies beside some; the page adds a time, `eval` joins by `__`."""
    paths = list(_videos(folder))
    stems = {path.with_suffix("") for path in paths}
    for path in paths:
        if path.stem.endswith("_mask") and path.with_name(path.stem.removesuffix("_mask")) in stems:
            continue
        time = re.search(r"_(\d{8}_\d{6})$", path.stem)
        seed = re.search(r"__(\d+)$", path.parent.name)
        yield Result(
            path,
            path.stem[: time.start()] if time else path.stem,
            time[1] if time else path.parent.name,
            {"seed": seed[1]} if seed else {},
        )


def _sadtalker(folder: Path) -> Iterator[Result]:
    """`TIME.mp4`, and with `--verbose` a folder `TIME` that says of what; the page's folders hold the video itself.

    Of the videos in a folder without one beside it, the enhanced one is the result, else the whole picture.
    """
    inside: dict[Path, list[Path]] = {}
    for path in _videos(folder):
        if "##" in path.stem and not path.stem.startswith("temp_"):
            inside.setdefault(path.parent, []).append(path)
        elif "##" not in path.stem:
            run = path.with_suffix("")
            names = sorted(file.stem for file in run.glob("*##*.mat"))
            yield Result(path, names[0] if len(names) == 1 else "", run.name)
    for run, paths in inside.items():
        if run.with_suffix(".mp4").is_file() or run.parent.joinpath(f"{run.name}.mp4").is_file():
            continue
        by_name: dict[str, list[Path]] = {}
        for path in paths:
            by_name.setdefault(re.sub(r"(?:_full)?(?:_enhanced)?$", "", path.stem), []).append(path)
        for name, made in by_name.items():
            best = max(made, key=lambda path: (path.stem.endswith("_enhanced"), path.stem.endswith("_full")))
            yield Result(best, name, run.name, {"enhancer": "yes"} if best.stem.endswith("_enhanced") else {})


LAYOUTS = {
    "hallo": Layout(
        "hallo",
        _hallo,
        "its script writes where --output says; name the file PICTURE##SOUND.mp4 there",
    ),
    "echomimic": Layout(
        "EchoMimic",
        _echomimic,
        "its scripts write output/DATE/TIME--seed_S-WxH/PICTURE_SOUND_HxW_G_TIME_withaudio.mp4",
    ),
    "latentsync": Layout(
        "LatentSync",
        _latentsync,
        "its script writes where --video_out_path says; name the file VIDEO__SOUND.mp4 there",
    ),
    "sadtalker": Layout(
        "SadTalker", _sadtalker, "its script writes results/TIME.mp4, and says of what with --verbose only"
    ),
}
"""By the word after `--from-`."""


def _videos(folder: Path, hidden: bool = False) -> Iterator[Path]:
    """MP4 files at any depth, sorted; what is hidden only where asked for."""
    for path in sorted(folder.rglob("*.mp4")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") and not (hidden and part == ".cache") for part in parts):
            yield path


def _by_stem(paths: Sequence[Path], option: str) -> dict[str, Path]:
    """Files by name.

    Raises:
        OptionError: two have one name.
    """
    stems = Counter(path.stem for path in paths)
    if twice := sorted(stem for stem, count in stems.items() if count > 1):
        raise OptionError(f"{option}: two files are called {twice[0]}; rename one")
    return {path.stem: path for path in paths}


def _ending(name: str, known: dict[str, Path]) -> str | None:
    """The longest known name that a name is, or that it ends with behind a joint."""
    ends = [stem for stem in known if name == stem or any(name.endswith(joint + stem) for joint in JOINTS)]
    return max(ends, key=len, default=None)


def _beginning(name: str, known: dict[str, Path]) -> str | None:
    """The longest known name that a name is, or that it begins with before a joint."""
    starts = [stem for stem in known if name == stem or any(name.startswith(stem + joint) for joint in JOINTS)]
    return max(starts, key=len, default=None)


def _with_different_names(pairs: list[Pair]) -> list[Pair]:
    """Names that are there twice, still, with a number behind them."""
    seen: Counter[str] = Counter()
    different = []
    for pair in pairs:
        seen[pair.name] += 1
        count = seen[pair.name]
        different.append(pair if count == 1 else replace(pair, name=f"{pair.name} ({count})"))
    return different

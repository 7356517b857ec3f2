"""One case: what is bent, how it is called, and the command that gets it; all follows from a seed and a number."""

import os
import random
import shutil
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from fuzzing.bases import JOINED, PICTURES, RARE, SOUNDS, VIDEOS, Bases
from fuzzing.benders import ANY
from fuzzing.formats import for_bytes, png
from fuzzing.names import odd_name
from fuzzing.pointers import KINDS, Targets, make_pointer

TARGETS = {"generate": 0.45, "prepare": 0.2, "evaluate": 0.15, "page": 0.2}
QUICK = ("--steps", "1", "--audio-guidance", "1")
SMALL = ("--workers", "1", "--set", "size=64", "--set", "min_seconds=1", "--set", "filters.min_face=60")
MEASURES = ("psnr", "psnr,ssim,var_e", "likeness,mouth_r,velocity", "lse_c,fid,psnr")
KINDS_OF = {"picture": list(PICTURES), "sound": [*SOUNDS, *JOINED], "video": list(VIDEOS)}
SUFFIXES = (".mp4", ".wav", ".png", ".jpg", ".mkv", ".mp3", ".txt", "", ".mp4.part", ".MOV", ".gif", ".svg", ".json")


@dataclass
class Case:
    """target: a command, or the page. arguments: of the command, or the page's fields by name. given: the files that
    may be read. notes: what was done to them. good: whether nothing is wrong with any of them."""

    number: int
    target: str
    folder: Path
    arguments: list[str] | dict = field(default_factory=list)
    given: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    good: bool = True

    @property
    def inputs(self) -> Path:
        return self.folder / "in"

    @property
    def outputs(self) -> Path:
        return self.folder / "out"


def make_case(seed: int, number: int, folder: Path, bases: Bases, port: int, pointer: bool | None = None) -> Case:
    """Write the files of a case. pointer: whether a file must name others, or must not; by chance if not said."""
    rng = random.Random(f"{seed}/{number}/{pointer}")
    target = rng.choices(list(TARGETS), list(TARGETS.values()))[0]
    case = Case(number, target, folder)
    case.inputs.mkdir(parents=True)
    case.outputs.mkdir()
    for path in bases.canaries():
        os.link(path, case.inputs / path.name)
    targets = Targets(case.inputs, port, rng)
    bend = _Bender(case, rng, bases, targets, pointer)
    {"generate": _generate, "prepare": _prepare, "evaluate": _evaluate, "page": _page}[target](case, rng, bases, bend)
    return case


def good_case(target: str, folder: Path, bases: Bases) -> Case:
    """A command with nothing bent, for all that is loaded once."""
    case, rng = Case(-1, target, folder), random.Random(0)
    case.inputs.mkdir(parents=True)
    case.outputs.mkdir()
    good = _Bender(case, rng, bases, Targets(case.inputs, 0, rng), False)
    good.bent = good.good
    {"generate": _generate, "prepare": _prepare, "evaluate": _evaluate}[target](case, rng, bases, good)
    return case


class _Bender:
    """Makes a case's files."""

    def __init__(self, case: Case, rng: random.Random, bases: Bases, targets: Targets, pointer: bool | None):
        self.case, self.rng, self.bases, self.targets, self.pointer = case, rng, bases, targets, pointer

    def bent(self, kind: str, name: str) -> Path:
        """A bent picture, sound, video or text."""
        rng, folder = self.rng, self.case.inputs
        if self.pointer or (self.pointer is None and kind != "text" and rng.random() < 0.2):
            self.pointer = False if self.pointer else None
            chosen = rng.choice(KINDS)
            path = make_pointer(chosen, self.bases, self.targets, folder / name)
            done = [chosen]
            self.case.good = False
        else:
            data, suffix, done = self._content(kind)
            path = folder / (name + suffix)
            path.write_bytes(data)
        path = self._renamed(path, done)
        self.case.given.append(path)
        self.case.notes.append(f"{kind}: {', '.join(done)}")
        return path

    def good(self, kind: str, name: str) -> Path:
        source = {"picture": "jpg", "sound": "wav", "video": "mp4"}[kind]
        made = getattr(self.bases, kind)(source)
        path = self.case.inputs / (name + made.suffix)
        shutil.copyfile(made, path)
        self.case.given.append(path)
        return path

    def _content(self, kind: str) -> tuple[bytes, str, list[str]]:
        rng = self.rng
        if kind == "text":
            data, suffix, done = " ".join(f"{rng.uniform(0, 2):.2f}" for _ in range(40)).encode(), ".txt", ["numbers"]
        elif kind == "picture" and rng.random() < 0.06:
            data, suffix, done = *_bomb(rng), ["bomb"]
        else:
            if rng.random() < 0.06:
                kind, self.case.good = rng.choice(("picture", "sound", "video")), False
            real = self.bases.real(kind) if rng.random() < 0.15 else []
            if real:
                path, self.case.good = rng.choice(real), False
            else:
                name = rng.choice(KINDS_OF[kind])
                self.case.good = self.case.good and name not in RARE
                path = getattr(self.bases, kind)(name)
            data, suffix, done = path.read_bytes(), path.suffix, [path.name]
        for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 3)) if done != ["bomb"] else 0):
            known = for_bytes(data)
            name, bender = rng.choice(list((known if known and rng.random() < 0.6 else ANY).items()))
            data = bender(data, rng)
            done.append(name)
        self.case.good = self.case.good and len(done) == 1 and kind != "text" and done != ["bomb"]
        return data, suffix, done

    def _renamed(self, path: Path, done: list[str]) -> Path:
        rng, suffix = self.rng, path.suffix
        if rng.random() < 0.1:
            suffix = rng.choice(SUFFIXES)
        name = odd_name(rng, suffix) if rng.random() < 0.2 else path.stem + suffix
        if name != path.name:
            done.append(f"called {name!r}")
            self.case.good = False
        return path.rename(path.with_name(name))


def _bomb(rng: random.Random) -> tuple[bytes, str]:
    """A small file with a very large picture in it; some of them below the limit."""
    width, height = rng.choice(
        ((9400, 9400), (60000, 60000), (16384, 5000), (89_000_000, 1), (1, 65000), (20000, 300))
    )
    kind, bits = rng.choice(((0, 1), (0, 8), (3, 8), (6, 8)))
    row = (width * bits * {0: 1, 3: 1, 6: 4}[kind] + 7) // 8 + 1
    body, rows = zlib.compressobj(1), height
    content = b"".join(body.compress(bytes(row)) for _ in range(min(rows, 200_000_000 // row))) + body.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", bytes(6)), (b"IDAT", content), (b"IEND", b"")]
    return png([chunk for chunk in chunks if kind == 3 or chunk[0] != b"PLTE"]), ".png"


def _as_told(case: Case, rng: random.Random, path: Path) -> str:
    """The path as somebody would type it: whole, or from the folder of the inputs, where the command runs."""
    return str(path) if rng.random() < 0.6 else os.path.relpath(path, case.inputs)


def _generate(case: Case, rng: random.Random, bases: Bases, bend: _Bender) -> None:
    bent = rng.choice(("picture", "picture", "sound", "sound", "sound", "both", "mask", "speed", "like"))
    picture = bend.bent("picture", "portrait") if bent in ("picture", "both") else bend.good("picture", "portrait")
    kind = rng.choice(("sound", "sound", "video"))
    sound = bend.bent(kind, "sound") if bent in ("sound", "both") else bend.good("sound", "sound")
    more = ["--seed", str(rng.randrange(9))]
    if bent == "mask":
        more += ["--face-region", str(bend.bent("picture", "mask"))]
    elif rng.random() < 0.3:
        more += ["--face-region", rng.choice(("full", "full", "60,40,200,220"))]
    if bent == "speed":
        more += ["--speed", str(bend.bent("text", "speed"))]
    if bent == "like":
        more += ["--like", str(bend.bent("video", "like"))]
        case.good = False  # none of them says how it was made
    if rng.random() < 0.25 and "bomb" not in str(case.notes):  # hours of encoding, if that is what one asks for
        more += ["--paste-back"]
    if rng.random() < 0.15:
        more += ["--fps", rng.choice(("12", "30000/1001", "50"))]
    ending = rng.choice((".mp4", ".mp4", ".mov"))
    output = case.outputs / f"out{ending}"
    if rng.random() < 0.15:
        output, case.good = case.outputs / odd_name(rng, ending), False
        case.notes.append(f"output called {output.name!r}")
    told = [_as_told(case, rng, path) for path in (picture, sound, output)]
    case.arguments = ["generate", *told[:2], "-o", told[2], *QUICK, *more]


def _prepare(case: Case, rng: random.Random, bases: Bases, bend: _Bender) -> None:
    paths = [bend.bent("video", "video")]
    if rng.random() < 0.25:
        paths.insert(rng.randrange(2), bend.good("video", "good"))
    told = [_as_told(case, rng, path) for path in paths]
    case.arguments = ["prepare", *told, "--out", str(case.outputs / "dataset"), *SMALL]


def _evaluate(case: Case, rng: random.Random, bases: Bases, bend: _Bender) -> None:
    videos = {"generated": bend.good("video", "a"), "reference": bend.good("video", "b")}
    changed = rng.choice(tuple(videos))
    videos[changed] = bend.bent("video", changed)
    told = [word for name, path in videos.items() for word in (f"--{name}", _as_told(case, rng, path))]
    measures = ("--metrics", rng.choice(MEASURES), "--no-fetch", "--workers", "1")
    case.arguments = ["evaluate", *told, "--out", str(case.outputs / "report"), *measures]


def _page(case: Case, rng: random.Random, bases: Bases, bend: _Bender) -> None:
    bent = rng.choice(("picture", "sound", "sound", "both"))
    kind = rng.choice(("sound", "sound", "video"))
    fields = {
        "portrait": str(bend.bent("picture", "p") if bent in ("picture", "both") else bend.good("picture", "p")),
        "sound": str(bend.bent(kind, "s") if bent in ("sound", "both") else bend.good("sound", "s")),
        "steps": 1,
        "audio_guidance": 1,
        "paste_back": rng.random() < 0.3,
    }
    if rng.random() < 0.2:
        numbers = ("nan", "-1", "1e999", 1e308, -5, 0, 2.5, "1,2,3,4", "0,0,99999,99999", "full", "", None, "٣", [1])
        name = rng.choice(("speed", "region", "audio_guidance", "reference_guidance", "steps", "seed"))
        fields[name] = rng.choice(numbers)
        case.notes.append(f"{name}={fields[name]!r}")
        case.good = False
    case.arguments = fields

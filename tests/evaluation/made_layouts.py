"""Folders as the inference scripts of other systems leave them, around a video of one's own."""

import shutil
from pathlib import Path


def put(source: Path, *places: Path) -> None:
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)


def touch(*places: Path) -> None:
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def hallo(root: Path, made: dict[tuple[str, str], Path]) -> Path:
    """Runs of `scripts/inference.py` in folders of their own, as `.cache/output.mp4` with what lies beside it."""
    for (picture, sound), video in made.items():
        cache = root / f"{picture}-{sound}" / ".cache"
        put(video, cache / "output.mp4")
        touch(*(cache / f"{picture}_{part}.png" for part in ("face_mask", "sep_background", "sep_face", "sep_lip")))
        touch(cache / "audio_preprocess" / f"{sound}_(Vocals)_Kim_Vocal_2.wav")
        touch(cache / "audio_preprocess" / f"{sound}_(Vocals)_Kim_Vocal_2-16k.wav")
    return root


def echomimic(root: Path, made: dict[tuple[str, str], Path]) -> Path:
    """`infer_audio2vid.py`: `output/DATE/…`, each with and without sound."""
    for (picture, sound), video in made.items():
        place = root / "20240712" / "1530--seed_420-512x512"
        name = f"{picture}_{sound}_512x512_2_1530"
        put(video, place / f"{name}.mp4", place / f"{name}_withaudio.mp4")
    return root


def latentsync(root: Path, made: dict[tuple[str, str], Path]) -> Path:
    """`eval/inference_videos.py`'s names, masks beside them, and what `gradio_app.py` calls a video."""
    for number, ((picture, sound), video) in enumerate(made.items()):
        if number:
            put(video, root / f"{sound}_20250614_10153{number}.mp4")
        else:
            place = root / "results__42"
            put(video, place / f"{picture}__{sound}.mp4", place / f"{picture}__{sound}_mask.mp4")
    return root


def sadtalker(root: Path, made: dict[tuple[str, str], Path]) -> Path:
    """`inference.py --verbose`, and what the page leaves."""
    for number, ((picture, sound), video) in enumerate(made.items()):
        if number:
            run = root / "0f8fad5b-d9cb-469f-a165-70867728950e"
            put(video, *(run / f"{picture}##{sound}{end}.mp4" for end in ("", "_full", "_full_enhanced")))
            touch(run / f"{sound}.wav")
        else:
            run = root / "2023_04_05_10.20.30"
            put(video, run.parent / f"{run.name}.mp4", run / f"{picture}##{sound}.mp4")
            touch(run / f"{picture}##{sound}.mat", run / "first_frame_dir" / f"{picture}.mat")
    return root


MAKERS = {"hallo": hallo, "echomimic": echomimic, "latentsync": latentsync, "sadtalker": sadtalker}

"""The model card: what a pipeline folder says of itself, as the README.md of its repository."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import ModelCard, ModelCardData
from safetensors import safe_open

from emo.errors import ConfigError
from emo.face import MAX_TURN, MIN_FACE
from emo.store.checks import build_empty, component_classes, variant_of, weight_files

CARD = "README.md"
WRITTEN = "<!-- Written by `emo push`. Remove this line to keep changes of your own. -->"
STATEMENTS, MECHANISMS, SAMPLES = "card.json", "mechanisms.json", "samples.png"

ROLES = {
    "vae": "between pictures and latents",
    "unet": "backbone: denoises a clip (3.2.1)",
    "reference_unet": "ReferenceNet: the portrait and the last frames (3.2.3)",
    "face_locator": "where the face may move (3.2.5)",
    "speed_encoder": "how fast the head turns (3.2.5)",
    "audio_projection": "audio tokens per frame (3.2.2)",
    "audio_encoder": "wav2vec 2.0: hears the recording (3.2.2)",
}
NO_TRAINING_DATA = (
    "Whoever published these weights has not said what they were trained on. Ask them before you rely on the model."
)
PRECISIONS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
STABLE_DIFFUSION = [320, 640, 1280, 1280]  # widths of its backbone


def model_card(
    folder: Path,
    repo_id: str,
    *,
    license: str | None = None,
    training_data: str | None = None,
    also: Iterable[str] = (),
) -> str:
    """The card of a pipeline folder, in Markdown with the Hub's header.

    Tables and figures come from the folder's configs and weights; `mechanisms.json`, where there is one, gives the
    table of mechanisms, and `samples.png` a strip of samples.

    Args:
        repo_id: the repository that it is for.
        license: as the Hub names it. By default what `card.json` in the folder says, else Stable Diffusion's for a
            model of its size and Apache 2.0 for all others.
        training_data: what the weights were trained on, in Markdown; by default what `card.json` says.
        also: files that the repository holds besides the folder's.

    Raises:
        ConfigError: `card.json` or `mechanisms.json` cannot be understood.
    """
    said = _read(folder / STATEMENTS)
    if unknown := sorted(said.keys() - {"license", "training_data"}):
        raise ConfigError(f"{folder / STATEMENTS}: unknown key {unknown[0]!r}; license and training_data are known")
    unet = _read(folder / "unet" / "config.json")
    header = ModelCardData(
        license=license or said.get("license") or default_license(unet),
        library_name="diffusers",
        pipeline_tag="image-to-video",
        tags=["emo", "talking-head", "portrait-animation", "audio-driven", "arxiv:2402.17485"],
    )
    variants = _variants([*(p.relative_to(folder).as_posix() for p in folder.rglob("*.safetensors")), *also])
    parts = [
        f"# {repo_id.split('/')[-1]}",
        "One portrait and one recording become a talking or singing video: an open implementation of "
        "[EMO: Emote Portrait Alive](https://arxiv.org/abs/2402.17485) as a diffusers pipeline.",
        f"![Samples]({SAMPLES})" if (folder / SAMPLES).is_file() else None,
        _usage(repo_id, None if None in variants else variants[0]),
        _architecture(folder, unet, variants),
        "## Training data\n\n" + (training_data or said.get("training_data") or NO_TRAINING_DATA),
        _mechanisms(folder / MECHANISMS),
        _limits(folder, unet),
        f"## License\n\nWeights: {header.license}. The code that runs them is Apache-2.0.",
        WRITTEN,
    ]
    body = "\n\n".join(part for part in parts if part)
    return str(ModelCard(f"---\n{header.to_yaml()}\n---\n\n{body}\n"))


def default_license(unet: Mapping[str, Any]) -> str:
    """Stable Diffusion's for a backbone of its widths, whose weights must have started from it; else Apache 2.0."""
    return "creativeml-openrail-m" if list(unet["block_out_channels"]) == STABLE_DIFFUSION else "apache-2.0"


def _usage(repo_id: str, variant: str | None) -> str:
    """Snippets that run as printed, beside portrait.png and speech.wav."""
    option = f', variant="{variant}"' if variant else ""
    command = (
        f"\n\nor\n\n```sh\nemo generate portrait.png speech.wav -o talking.mp4 --model {repo_id}\n```"
        if not variant
        else ""
    )
    return f"""## Use

With the `emo` package installed:

```python
import torch
from emo import EMOPipeline

pipe = EMOPipeline.from_pretrained("{repo_id}"{option})
output = pipe("portrait.png", "speech.wav", generator=torch.Generator().manual_seed(0))
output.save("talking.mp4")
```{command}

`DiffusionPipeline.from_pretrained("{repo_id}"{option}, trust_remote_code=True)` loads the same pipeline."""


def _architecture(folder: Path, unet: Mapping[str, Any], variants: list[str | None]) -> str:
    """Components with their parameters, and the sizes that matter."""
    rows, total = [], 0
    for name, kind in component_classes(folder).items():
        count = sum(parameter.numel() for parameter in build_empty(folder / name, kind).parameters())
        total += count
        rows.append(f"| `{name}` | {kind.__name__} | {count:,} | {ROLES[name]} |")
    vae, encoder = _read(folder / "vae" / "config.json"), _read(folder / "audio_encoder" / "config.json")
    scheduler = _read(folder / "scheduler" / "scheduler_config.json")
    factor = 2 ** (len(vae["block_out_channels"]) - 1)
    sets = ", ".join(_precision(folder, v) + (f' as `variant="{v}"`' if v else "") for v in variants)
    zero = ", zero terminal SNR" if scheduler.get("rescale_betas_zero_snr") else ""
    return "\n".join(
        [
            "## Architecture\n",
            "| component | class | parameters | what it does (section of the paper) |",
            "|---|---|---:|---|",
            *rows,
            f"| all | | {total:,} | |",
            "",
            f"- Picture: {unet['sample_size'] * factor} x {unet['sample_size'] * factor} px, latents "
            f"{unet['sample_size']} x {unet['sample_size']} x {vae['latent_channels']}",
            f"- Clips of {unet['num_frames']} frames after {unet['num_motion_frames']} motion frames",
            f"- Backbone widths {', '.join(map(str, unet['block_out_channels']))}; audio encoder "
            f"{encoder['num_hidden_layers']} layers x {encoder['hidden_size']}",
            f"- Scheduler: {scheduler['_class_name']}, {scheduler['prediction_type']}{zero}",
            f"- Weights: safetensors, {sets}; loaded in float32 unless `dtype` says otherwise",
        ]
    )


def _mechanisms(file: Path) -> str | None:
    """The table of mechanisms, where the model was evaluated."""
    if not file.is_file():
        return None
    try:
        rows = [
            f"| {row['mechanism']} | {row['measure']} | {row['value']} | {row['bar']} | "
            f"{'yes' if row['passed'] else 'no'} |"
            for row in _read(file)["rows"]
        ]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{file}: no table of mechanisms ({error}); `emo evaluate` writes one") from None
    head = ["| mechanism | measure | value | bar | passed |", "|---|---|---|---|---|"]
    return "\n".join(["## Do the paper's mechanisms work?\n", *head, *rows])


def _limits(folder: Path, unet: Mapping[str, Any]) -> str:
    size = unet["sample_size"] * 2 ** (len(_read(folder / "vae" / "config.json")["block_out_channels"]) - 1)
    return f"""## Limits and responsible use

- The face is drawn at {size} px; `paste_back` puts it into a larger picture, which shows where it ends.
- Faces must look about into the camera (within {MAX_TURN:.0f}°) and be at least {MIN_FACE} px large.
- Hands and bodies are not driven by the sound.
- Animate only people who agreed to it, and say that the video is generated. No impersonation, no deception.
- Every video written by the package says in its metadata that it is AI-generated, by which model and with which
  options; `emo inspect VIDEO` reads that. Whoever wants to can remove it: its absence proves nothing."""


def _variants(files: Iterable[str]) -> list[str | None]:
    """The variants of the weights among files, the plain ones, `None`, first."""
    names = [PurePosixPath(file).name for file in files if file.endswith(".safetensors")]
    return sorted({variant_of(name) for name in names}, key=lambda variant: variant or "")


def _precision(folder: Path, variant: str | None) -> str:
    """In what the backbone's tensors of a variant are stored; "others" where the folder has none of it."""
    for file in weight_files(folder / "unet", variant)[:1]:
        if variant_of(file.name) == variant:
            with safe_open(file, framework="pt") as tensors:
                return PRECISIONS.get(kind := tensors.get_slice(next(iter(tensors.keys()))).get_dtype(), kind)
    return "others"


def _read(file: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is no file.

    Raises:
        ConfigError: it is damaged.
    """
    if not file.is_file():
        return {}
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{file}: not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: not a JSON object")
    return value

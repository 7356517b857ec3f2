"""The model card: what a pipeline folder says of itself, as the README.md of its repository."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import ModelCard, ModelCardData
from safetensors import safe_open

from emo.errors import ConfigError
from emo.files import read_json_object
from emo.store.checks import variant_of, weight_files
from emo.store.components import network_classes, parameter_counts
from emo.store.index import pipeline_class_name, read_index

CARD = "README.md"
WRITTEN = "<!-- Written by `emo push`. Remove this line to keep changes of your own. -->"
STATEMENTS = "card.json"
MECHANISMS = "mechanisms.json"
SAMPLES = "samples.png"

NO_TRAINING_DATA = (
    "Whoever published these weights has not said what they were trained on. Ask them before you rely on the model."
)
PRECISIONS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class Description:
    """What a system says of one of its folders, for the card and for `emo inspect`.

    Attributes:
        introduction: what it does, by which paper, in Markdown.
        tags: of the Hub.
        license: of the weights, as the Hub names it, where nobody says another.
        roles: what each network does, by component name.
        largest: the component whose files tell in what precision weights are stored.
        sizes: lines on sizes that matter, such as the picture's.
        limits: lines on what it cannot do.
    """

    introduction: str
    tags: tuple[str, ...]
    license: str
    roles: Mapping[str, str]
    largest: str
    sizes: tuple[str, ...]
    limits: tuple[str, ...]


def write_card(
    folder: Path,
    repo_id: str,
    description: Description,
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
        description: what the folder's system says of it.
        license: as the Hub names it. By default what `card.json` in the folder says, else the description's.
        training_data: what the weights were trained on, in Markdown; by default what `card.json` says.
        also: files that the repository holds besides the folder's.

    Raises:
        ConfigError: `card.json` or `mechanisms.json` cannot be understood.
    """
    stated = read_json(folder / STATEMENTS)
    if unknown := sorted(stated.keys() - {"license", "training_data"}):
        raise ConfigError(f"{folder / STATEMENTS}: unknown key {unknown[0]!r}; license and training_data are known")
    header = ModelCardData(
        license=license or stated.get("license") or description.license,
        library_name="diffusers",
        pipeline_tag="image-to-video",
        tags=list(description.tags),
    )
    variants = _variants([*(p.relative_to(folder).as_posix() for p in folder.rglob("*.safetensors")), *also])
    parts = [
        f"# {repo_id.split('/')[-1]}",
        description.introduction,
        f"![Samples]({SAMPLES})" if (folder / SAMPLES).is_file() else None,
        _usage(repo_id, pipeline_class_name(read_index(folder)), None if None in variants else variants[0]),
        _architecture(folder, description, variants),
        "## Training data\n\n" + (training_data or stated.get("training_data") or NO_TRAINING_DATA),
        _mechanisms(folder / MECHANISMS),
        _limits(description),
        f"## License\n\nWeights: {header.license}. The code that runs them is Apache-2.0.",
        WRITTEN,
    ]
    body = "\n\n".join(part for part in parts if part)
    return str(ModelCard(f"---\n{header.to_yaml()}\n---\n\n{body}\n"))


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is no file.

    Raises:
        ConfigError: it is damaged.
    """
    return read_json_object(file, ConfigError) if file.is_file() else {}


def _usage(repo_id: str, class_name: str | None, variant: str | None) -> str:
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
from emo import {class_name}

pipe = {class_name}.from_pretrained("{repo_id}"{option})
output = pipe("portrait.png", "speech.wav", generator=torch.Generator().manual_seed(0))
output.save("talking.mp4")
```{command}

`DiffusionPipeline.from_pretrained("{repo_id}"{option}, trust_remote_code=True)` loads the same pipeline."""


def _architecture(folder: Path, description: Description, variants: list[str | None]) -> str:
    """Components with their parameters, and the sizes that matter."""
    counts = parameter_counts(folder)
    rows = [
        f"| `{name}` | {network.__name__} | {counts[name]:,} | {description.roles[name]} |"
        for name, network in network_classes(folder).items()
    ]
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    zero = ", zero terminal SNR" if scheduler.get("rescale_betas_zero_snr") else ""
    sampler = [f"- Scheduler: {scheduler['_class_name']}, {scheduler['prediction_type']}{zero}"] if scheduler else []
    sets = ", ".join(
        _precision(folder / description.largest, v) + (f' as `variant="{v}"`' if v else "") for v in variants
    )
    return "\n".join(
        [
            "## Architecture\n",
            "| component | class | parameters | what it does (section of the paper) |",
            "|---|---|---:|---|",
            *rows,
            f"| all | | {sum(counts.values()):,} | |",
            "",
            *(f"- {line}" for line in description.sizes),
            *sampler,
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
            for row in read_json(file)["rows"]
        ]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{file}: no table of mechanisms ({error}); `emo evaluate` writes one") from None
    head = ["| mechanism | measure | value | bar | passed |", "|---|---|---|---|---|"]
    return "\n".join(["## Do the paper's mechanisms work?\n", *head, *rows])


def _limits(description: Description) -> str:
    return "\n".join(
        [
            "## Limits and responsible use\n",
            *(f"- {line}" for line in description.limits),
            "- Animate only people who agreed to it, and say that the video is generated. No impersonation, no "
            "deception.",
            "- Every video written by the package says in its metadata that it is AI-generated, by which model and "
            "with which\n  options; `emo inspect VIDEO` reads that. Whoever wants to can remove it: its absence "
            "proves nothing.",
        ]
    )


def _variants(files: Iterable[str]) -> list[str | None]:
    """The variants of the weights among files, the plain ones, `None`, first."""
    names = [PurePosixPath(file).name for file in files if file.endswith(".safetensors")]
    return sorted({variant_of(name) for name in names}, key=lambda variant: variant or "")


def _precision(component: Path, variant: str | None) -> str:
    """In what a component's tensors of a variant are stored; "others" where the folder has none of it."""
    for file in weight_files(component, variant)[:1]:
        if variant_of(file.name) == variant:
            with safe_open(file, framework="pt") as tensors:
                kind = tensors.get_slice(next(iter(tensors.keys()))).get_dtype()
            return PRECISIONS.get(str(kind), str(kind))
    return "others"

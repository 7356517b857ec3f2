"""`emo init`: make a pipeline folder, with random weights or from public ones."""

import argparse
from pathlib import Path

from emo.console import quiet_loading, say
from emo.errors import OptionError
from emo.locks import claim_folder, is_new


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "init",
        help="make a pipeline folder, random or from public weights",
        description="Make a complete pipeline folder. Without --sd15 all weights are random, and the picture is noise "
        "until the model is trained. With it training starts from Stable Diffusion 1.5, AnimateDiff and wav2vec 2.0, "
        "each given as a folder or a Hugging Face Hub name.",
    )
    parser.add_argument(
        "--config",
        help="emo-tiny (default), emo-sd15 (default with --sd15), vasa-mesh, vasa-tiny, vasa-paper, gaia-tiny, "
        "gaia-small, gaia-base, gaia-large, gohd-tiny, gohd-paper, or a YAML file",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random weights (default 0)")
    parser.add_argument("--sd15", help="Stable Diffusion 1.5, as stable-diffusion-v1-5/stable-diffusion-v1-5")
    parser.add_argument("--motion-adapter", help="AnimateDiff, as guoyww/animatediff-motion-adapter-v1-5-2")
    parser.add_argument("--audio-encoder", help="wav2vec 2.0, as facebook/wav2vec2-base-960h")
    parser.add_argument("--vae", help="another autoencoder than Stable Diffusion's own")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    return parser


def run(options: argparse.Namespace) -> None:
    sources = (options.sd15, options.motion_adapter, options.audio_encoder)
    if any(sources) != all(sources) or (options.vae and not options.sd15):
        raise OptionError(
            "--sd15, --motion-adapter and --audio-encoder go together, with --vae if wanted", option="sd15"
        )
    with claim_folder(options.out):
        if not is_new(options.out):
            raise OptionError(f"{options.out} exists already; choose another --out or remove it", option="out")
        make(options)


def make(options: argparse.Namespace) -> None:
    """Fill the folder, which is empty."""
    from emo.hub import system_of_config

    quiet_loading()
    name = options.config or ("emo-sd15" if options.sd15 else "emo-tiny")
    system = system_of_config(name)
    config = system.load_config(name)
    if options.sd15:
        if system.import_weights is None:
            raise OptionError(f"--sd15: {system.title} starts from no public weights; leave it out", option="sd15")
        pipe = system.import_weights(
            config,
            sd15=options.sd15,
            motion_adapter=options.motion_adapter,
            audio_encoder=options.audio_encoder,
            vae=options.vae,
            seed=options.seed,
        )
    else:
        pipe = system.build(config, options.seed)
    pipe.save_pretrained(options.out)
    parameters = sum(p.numel() for c in pipe.components.values() if hasattr(c, "parameters") for p in c.parameters())
    say(f"{options.out}: {parameters / 1e6:.1f} million parameters, {config.image_size} px")

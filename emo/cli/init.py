"""`emo init`: make a pipeline folder, with random weights or from public ones."""

import argparse
import json
from pathlib import Path

from emo.console import quiet_loading, say
from emo.errors import OptionError
from emo.files import write_whole
from emo.locks import claim_folder, is_new


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "init",
        help="make a pipeline folder, random or from public weights",
        description="Make a complete pipeline folder. Without --sd15 all weights are random, and the picture is noise "
        "until the model is trained. With it training starts from Stable Diffusion 1.5, AnimateDiff and an audio "
        "encoder, each given as a folder or a Hugging Face Hub name; with --from-hallo or --from-echomimic from what "
        "fits of their published weights. See docs/start.md.",
    )
    parser.add_argument(
        "--config",
        help="emo-tiny (default), emo-sd15 (default with --sd15), vasa-mesh, vasa-tiny, vasa-paper, gaia-tiny, "
        "gaia-small, gaia-base, gaia-large, gohd-tiny, gohd-paper, or a YAML file",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random weights (default 0)")
    parser.add_argument("--sd15", help="Stable Diffusion 1.5, as stable-diffusion-v1-5/stable-diffusion-v1-5")
    parser.add_argument("--motion-adapter", help="AnimateDiff, as guoyww/animatediff-motion-adapter-v1-5-2")
    parser.add_argument("--from-hallo", type=Path, metavar="FOLDER", help="hallo's weights: net.pth")
    parser.add_argument(
        "--from-echomimic",
        type=Path,
        metavar="FOLDER",
        help="EchoMimic's weights: denoising_unet.pth, reference_unet.pth, motion_module.pth, face_locator.pth",
    )
    parser.add_argument(
        "--audio-encoder", help="wav2vec 2.0 or Whisper, as facebook/wav2vec2-base-960h; see docs/languages.md"
    )
    parser.add_argument("--vae", help="another autoencoder than the source's own")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    return parser


def run(options: argparse.Namespace) -> None:
    peers = [name for name in ("hallo", "echomimic") if getattr(options, f"from_{name}")]
    if len(peers) + bool(options.sd15 or options.motion_adapter) > 1:
        raise OptionError(
            "--sd15, --from-hallo and --from-echomimic are three different starts; give one",
            option=f"from_{peers[0]}",
        )
    if not peers:
        sources = (options.sd15, options.motion_adapter, options.audio_encoder)
        if any(sources) != all(sources) or (options.vae and not options.sd15):
            raise OptionError(
                "--sd15, --motion-adapter and --audio-encoder go together, with --vae if wanted", option="sd15"
            )
    with claim_folder(options.out):
        if not is_new(options.out):
            raise OptionError(f"{options.out} exists already; choose another --out or remove it", option="out")
        make(options, peers[0] if peers else None)


def make(options: argparse.Namespace, peer: str | None) -> None:
    """Fill the folder, which is empty.

    Args:
        peer: the system from whose weights to start; None for Stable Diffusion's, or for none.
    """
    from emo.hub import system_of_config
    from emo.store.card import STATEMENTS

    quiet_loading()
    name = options.config or ("emo-sd15" if options.sd15 or peer else "emo-tiny")
    system = system_of_config(name)
    config = system.load_config(name)
    statements = None
    if peer:
        if system.start_from is None:
            raise OptionError(
                f"--from-{peer}: {system.title} starts from no others' weights; leave it out", option=f"from_{peer}"
            )
        start = system.start_from(
            peer,
            config,
            folder=getattr(options, f"from_{peer}"),
            audio_encoder=options.audio_encoder,
            vae=options.vae,
            seed=options.seed,
        )
        for line in start.report:
            say(line)
        pipe, statements = start.pipeline, {"license": start.license, "training_data": start.statement}
    elif options.sd15:
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
    if statements:
        write_whole(options.out / STATEMENTS, (json.dumps(statements, indent=1) + "\n").encode())
    parameters = sum(p.numel() for c in pipe.components.values() if hasattr(c, "parameters") for p in c.parameters())
    say(f"{options.out}: {parameters / 1e6:.1f} million parameters, {config.image_size} px")

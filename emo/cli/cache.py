"""`emo cache`: encode a dataset's pictures and sound once, for faster training."""

import argparse
from pathlib import Path

from emo.cli.arguments import MODEL, add_device, add_dtype, pick_device, pick_dtype, require_emo
from emo.console import quiet_loading, say
from emo.errors import DatasetError, OptionError


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "cache",
        help="encode a dataset's pictures and sound once",
        description="Compute the latents of every frame and the audio encoder's states at every frame, and keep them "
        "beside the dataset for training with data.cache=true. They hold for these weights alone: others make a cache "
        "of their own. Stopped in the middle, the same command goes on.",
    )
    parser.add_argument("dataset", type=Path, help="folder of a dataset")
    parser.add_argument("--model", required=True, help=f"{MODEL} whose networks encode")
    parser.add_argument("--size", type=int, help="pixels (default: the model's)")
    parser.add_argument("--batch-size", type=int, default=16, help="frames at a time (default 16)")
    add_device(parser)
    add_dtype(parser, "of the autoencoder's arithmetic")
    return parser


def run(options: argparse.Namespace) -> None:
    if options.batch_size < 1:
        raise OptionError(f"--batch-size {options.batch_size}: must be at least 1", option="batch_size")
    from emo.files import require_folder

    advice = "give a folder with train/metadata.jsonl, made by emo synthesize or emo prepare"
    require_folder(options.dataset, DatasetError, advice)

    from tqdm import tqdm

    from emo.data import build_cache, cache_path, emo_features
    from emo.hub import load_pipeline, locate_model

    quiet_loading()
    device = pick_device(options.device)
    place = locate_model(options.model)
    require_emo(place, "what is cached is")
    pipe = load_pipeline(place)  # in float32, as for training
    size = pipe.unet.config.sample_size * pipe.vae_scale_factor if options.size is None else options.size
    if size < 1 or size % pipe.vae_scale_factor:
        raise OptionError(f"--size {size}: must be a multiple of {pipe.vae_scale_factor}", option="size")
    features = emo_features(
        pipe.vae.to(device),
        pipe.audio_encoder.to(device),
        pipe.feature_extractor,
        batch_size=options.batch_size,
        dtype=pick_dtype(options.dtype, device),
    )
    folder = cache_path(options.dataset, features, size)
    steps = build_cache(options.dataset, features, size)
    with tqdm(unit="clip", dynamic_ncols=True) as bar:
        for _, bar.total in steps:
            bar.update()
    say(f"{folder}: {sum(file.stat().st_size for file in folder.rglob('*')) / 2**20:.1f} MiB")

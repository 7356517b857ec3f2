"""Validation clips on fixed portraits and sounds: the same noise at every step, so that progress can be seen."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from emo.errors import ConfigError
from emo.face import Portrait, prepare_portrait
from emo.generation.frames import finish_frames
from emo.generation.latents import decode_latents, encode_pictures
from emo.generation.sampling import sample
from emo.media import AudioTrack, contact_sheet, load_image
from emo.pipelines import EMOPipeline
from emo.training.emo.config import CONDITIONS, ValidationConfig
from emo.training.emo.networks import EMONetworks

SAMPLES = 4  # pictures per portrait in stage 1
SHEET_FRAMES = 8  # of a clip


def check_validation(config: ValidationConfig, *, sounds: bool) -> None:
    """See that validation has something to show, before hours of training.

    Raises:
        ConfigError: no portraits or sounds are given, or one is not there.
        EmoError: one cannot be used; the message names it.
    """
    for key, names in (("portraits", config.portraits), *((("sounds", config.sounds),) if sounds else ())):
        if not names:
            raise ConfigError(f"validation.{key} names no files, but train.validate_every asks for validation")
        for name in names:
            if not Path(name).is_file():
                raise ConfigError(f"validation.{key}: {name} does not exist")
    for name in config.portraits:
        _portrait(name, config, size=64)  # the face is sought in the whole picture, whatever the size
    for name in config.sounds if sounds else ():
        with AudioTrack.open(name):
            pass


def validate_pictures(pipe: EMOPipeline, networks: EMONetworks, config: ValidationConfig, folder: Path) -> None:
    """Stage 1: per portrait one row, the portrait and pictures of the same person from noise."""
    pictures = []
    for name in config.portraits:
        portrait = _portrait(name, config, size=pipe.unet.config.sample_size * pipe.vae_scale_factor)
        device = networks.unet.device
        reference = encode_pictures(pipe.vae, torch.from_numpy(portrait.image).permute(2, 0, 1)[None].to(device))
        mask = torch.from_numpy(portrait.mask)[None, None].to(device)
        latents = sample_pictures(pipe, networks, reference.expand(SAMPLES, -1, -1, -1), mask, config)
        decoded = decode_latents(pipe.vae, latents).cpu()
        pictures += [portrait.image, *finish_frames(decoded, "uint8", None)]
    contact_sheet(pictures, columns=1 + SAMPLES).save(folder / "pictures.png")


def sample_pictures(
    pipe: EMOPipeline, networks: EMONetworks, reference: Tensor, mask: Tensor, config: ValidationConfig
) -> Tensor:
    """Latents (B, L, h, w) of single frames, without sound, motion and speed, by the pipeline's scheduler.

    reference: latents (B, L, h, w). mask: (1, 1, H, W).
    """
    generator = torch.Generator().manual_seed(config.seed)
    noise = torch.randn(reference[:, None].shape, generator=generator).to(reference.device)
    ones = torch.ones(len(reference), device=reference.device)

    def predict(latents: Tensor, timestep: Tensor) -> Tensor:
        prediction = networks(
            sample=latents,
            timestep=timestep.expand(len(reference)),
            reference_latents=reference,
            face_mask=mask.expand(len(reference), -1, -1, -1),
            keep=dict.fromkeys(CONDITIONS, ones),
        )
        return prediction.float()

    steps, strength = config.num_inference_steps or pipe.unet.config.num_inference_steps, pipe.unet.config.strength
    return sample(pipe.scheduler, predict, noise, steps, prior=reference[:, None], strength=strength)[:, 0]


def validate_clips(pipe: EMOPipeline, config: ValidationConfig, folder: Path, *, speed: float | None) -> None:
    """Stages 2 to 4: each portrait with each sound as .mp4, and frames of all on a contact sheet."""
    pipe.set_progress_bar_config(disable=True)
    rows, labels = [], []
    for portrait in config.portraits:
        for sound in config.sounds:
            with AudioTrack.open(sound) as track:
                samples = track.read(0, min(track.length, round(config.seconds * track.sampling_rate)))
            output = pipe(
                portrait,
                (samples, track.sampling_rate),
                face_region=_region(config),
                num_inference_steps=config.num_inference_steps,
                audio_guidance_scale=config.audio_guidance_scale,
                speed=speed,
                generator=torch.Generator().manual_seed(config.seed),
                output_type="uint8",
            )
            assert not isinstance(output, tuple)
            name = f"{Path(portrait).stem}-{Path(sound).stem}"
            output.save(folder / f"{name}.mp4")
            shown = np.linspace(0, len(output.frames) - 1, min(SHEET_FRAMES, len(output.frames))).round().astype(int)
            rows.append([output.frames[i] for i in shown])
            labels += [f"{name} {i}" for i in shown]
    contact_sheet([frame for row in rows for frame in row], columns=len(rows[0]), labels=labels).save(
        folder / "frames.png"
    )


def _portrait(name: str, config: ValidationConfig, size: int) -> Portrait:
    return prepare_portrait(
        load_image(name), height=size, width=size, face_region=_region(config), face=None, name=name
    )


def _region(config: ValidationConfig) -> Literal["full"] | None:
    return "full" if config.face_region == "full" else None  # which is all that its bound allows

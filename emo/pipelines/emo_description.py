"""What EMO's folders say of themselves on a model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emo.face import MAX_TURN, MIN_FACE
from emo.store.card import Description, read_json

ROLES = {
    "vae": "between pictures and latents",
    "unet": "backbone: denoises a clip (3.2.1)",
    "reference_unet": "ReferenceNet: the portrait and the last frames (3.2.3)",
    "face_locator": "where the face may move (3.2.5)",
    "speed_encoder": "how fast the head turns (3.2.5)",
    "audio_projection": "audio tokens per frame (3.2.2)",
    "audio_encoder": "wav2vec 2.0 or Whisper: hears the recording (3.2.2)",
}
STABLE_DIFFUSION = [320, 640, 1280, 1280]  # widths of its backbone


def describe_folder(folder: Path) -> Description:
    """The description of a checked folder, from its configs."""
    unet = read_json(folder / "unet" / "config.json")
    vae = read_json(folder / "vae" / "config.json")
    encoder = read_json(folder / "audio_encoder" / "config.json")
    size = unet["sample_size"] * 2 ** (len(vae["block_out_channels"]) - 1)
    return Description(
        introduction="One portrait and one recording become a talking or singing video: an open implementation of "
        "[EMO: Emote Portrait Alive](https://arxiv.org/abs/2402.17485) as a diffusers pipeline.",
        tags=("emo", "talking-head", "portrait-animation", "audio-driven", "arxiv:2402.17485"),
        license=default_license(unet),
        roles=ROLES,
        largest="unet",
        sizes=(
            f"Picture: {size} x {size} px, latents "
            f"{unet['sample_size']} x {unet['sample_size']} x {vae['latent_channels']}",
            f"Clips of {unet['num_frames']} frames after {unet['num_motion_frames']} motion frames",
            f"Backbone widths {', '.join(map(str, unet['block_out_channels']))}; audio encoder "
            f"{encoder.get('encoder_layers') or encoder['num_hidden_layers']} layers x "
            f"{encoder.get('d_model') or encoder['hidden_size']}",  # the first of both are Whisper's
        ),
        limits=(
            f"The face is drawn at {size} px; `paste_back` puts it into a larger picture, which shows where it ends.",
            f"Faces must look about into the camera (within {MAX_TURN:.0f}°) and be at least {MIN_FACE} px large.",
            "Hands and bodies are not driven by the sound.",
        ),
    )


def default_license(unet: Mapping[str, Any]) -> str:
    """Stable Diffusion's for a backbone of its widths, whose weights must have started from it; else Apache 2.0."""
    return "creativeml-openrail-m" if list(unet["block_out_channels"]) == STABLE_DIFFUSION else "apache-2.0"

"""What VASA-1's folders say of themselves on a model card."""

from pathlib import Path

from emo.face import MAX_TURN, MIN_FACE
from emo.store.card import Description, read_json

ROLES = {
    "animator": "draws motion on a portrait",
    "denoiser": "motion model: from sound to all that a face and head do (3.2)",
    "audio_encoder": "wav2vec 2.0: hears the recording",
}


def describe_folder(folder: Path) -> Description:
    """The description of a checked folder, from its configs."""
    denoiser = read_json(folder / "denoiser" / "config.json")
    encoder = read_json(folder / "audio_encoder" / "config.json")
    animator = read_json(folder / "animator" / "config.json")
    side = animator.get("picture_size") or animator["sample_size"]
    return Description(
        introduction="One portrait and one recording become a talking or singing video, in real time: an open "
        "implementation of the motion of [VASA-1](https://arxiv.org/abs/2404.10667) as a diffusers pipeline.",
        tags=("vasa-1", "talking-head", "portrait-animation", "audio-driven", "arxiv:2404.10667"),
        license="apache-2.0",
        roles=ROLES,
        largest="denoiser",
        sizes=(
            f"Picture: {side} x {side} px, or any other",
            f"Windows of {denoiser['window_length']} frames after {denoiser['prefix_length']}, at {denoiser['fps']} "
            "frames per second",
            f"Motion: {len(denoiser['space']['columns'])} numbers a frame; width {denoiser['dim']}, "
            f"{denoiser['layers']} layers; audio encoder {encoder['num_hidden_layers']} layers x "
            f"{encoder['hidden_size']}",
        ),
        limits=(
            f"Faces must look about into the camera (within {MAX_TURN:.0f}°) and be at least {MIN_FACE} px large.",
            "What the portrait does not show, such as the side of a head that turns away, is stretched, not invented.",
            "Hands and bodies are not driven by the sound.",
        ),
    )

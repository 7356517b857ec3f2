"""What GAIA's folders say of themselves on a model card."""

from pathlib import Path

from emo.face import MAX_TURN, MIN_FACE
from emo.store.card import Description, read_json

ROLES = {
    "vae": "takes a frame apart into appearance and motion, and draws it again (4.1)",
    "denoiser": "motion model: from speech and poses to the motion of all frames (4.2)",
    "speech_encoder": "speech as the motion model takes it (4.2)",
    "pose_predictor": "how a head turns with the speech, where no poses are given (4.2)",
    "landmark_denoiser": "another motion model: from speech, poses and wanted points to points of the face (3.4)",
    "landmark_speech_encoder": "speech as that one takes it (4.2)",
    "text_denoiser": "another motion model: from a sentence to the motion of all frames (3.4)",
    "text_encoder": "reads sentences, as CLIP's does (3.4)",
    "audio_encoder": "wav2vec 2.0: hears the recording",
}


def describe_folder(folder: Path) -> Description:
    """The description of a checked folder, from its configs."""
    denoiser = read_json(folder / "denoiser" / "config.json")
    encoder = read_json(folder / "audio_encoder" / "config.json")
    vae = read_json(folder / "vae" / "config.json")
    fresh = denoiser["max_length"] - denoiser["overlap"]
    return Description(
        introduction="One portrait and one recording become a talking video: an open implementation of "
        "[GAIA](https://arxiv.org/abs/2311.15230) as a diffusers pipeline.",
        tags=("gaia", "talking-head", "portrait-animation", "audio-driven", "arxiv:2311.15230"),
        license="apache-2.0",
        roles=ROLES,
        largest="denoiser",
        sizes=(
            f"Picture: {vae['sample_size']} x {vae['sample_size']} px, or any other square, brought to this one",
            f"Sequences of {denoiser['max_length']} frames, of which {fresh} are new, at {denoiser['fps']} frames per "
            "second",
            f"Motion: {len(denoiser['space']['columns'])} numbers a frame; width {denoiser['dim']}, "
            f"{denoiser['layers']} layers; audio encoder {encoder['num_hidden_layers']} layers x "
            f"{encoder['hidden_size']}",
        ),
        limits=(
            f"Faces must look about into the camera (within {MAX_TURN:.0f}°) and be at least {MIN_FACE} px large.",
            "Every pixel is drawn from latents: faces are softer than the portrait, and what latents do not hold is "
            "lost.",
            "Another person's motion brings some of that person's proportions along.",
            "Hands and bodies are not driven by the sound.",
        ),
    )

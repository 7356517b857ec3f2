"""What GoHD's folders say of themselves on a model card."""

from pathlib import Path

from emo.face import MAX_TURN, MIN_FACE
from emo.store.card import Description, read_json

ROLES = {
    "animator": "draws motion on a portrait",
    "denoiser": "head poses from sound, by diffusion (3.1)",
    "gaze_denoiser": "where eyes that wander look, likewise",
    "lip_mapper": "stage 1 of expressions: lips from sound, frame by frame (3.2)",
    "eye_generator": "stage 2: what lids and brows do over time",
    "audio_encoder": "wav2vec 2.0: hears the recording",
}


NAVIGATES = "Its face animator moves the portrait's own pixels along learned directions from a frontal, neutral face."


def describe_folder(folder: Path) -> Description:
    """The description of a checked folder, from its configs."""
    denoiser = read_json(folder / "denoiser" / "config.json")
    mapper = read_json(folder / "lip_mapper" / "config.json")
    encoder = read_json(folder / "audio_encoder" / "config.json")
    animator = read_json(folder / "animator" / "config.json")
    side, navigates = animator.get("picture_size") or animator["sample_size"], "latent_dim" in animator
    return Description(
        introduction="One portrait and one recording become a talking video: an open implementation of "
        "[GoHD](https://arxiv.org/abs/2412.09296) as a diffusers pipeline. "
        + (NAVIGATES if navigates else "A mesh moves the portrait's own pixels in place of its face animator."),
        tags=("gohd", "talking-head", "portrait-animation", "audio-driven", "arxiv:2412.09296"),
        license="apache-2.0",
        roles=ROLES,
        largest="denoiser",
        sizes=(
            f"Picture: {side} x {side} px, or any other",
            f"Poses: sequences of {denoiser['max_length']} frames, {denoiser['overlap']} of them known, at "
            f"{denoiser['fps']} frames per second; width {denoiser['dim']}, {denoiser['layers']} blocks",
            f"Expressions: {len(mapper['space']['columns'])} numbers a frame; width {mapper['dim']}; audio encoder "
            f"{encoder['num_hidden_layers']} layers x {encoder['hidden_size']}",
        ),
        limits=(
            *(("Faces are drawn as if they began looking straight ahead, whatever the portrait does.",) * navigates),
            f"Faces must look about into the camera (within {MAX_TURN:.0f}°) and be at least {MIN_FACE} px large.",
            "What the portrait does not show, such as the side of a head that turns away, is stretched, not invented.",
            "Hands and bodies are not driven by the sound.",
        ),
    )

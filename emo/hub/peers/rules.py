"""hallo's and EchoMimic's networks of Stable Diffusion 1.5's size, tensor by tensor.

Both come from Stable Diffusion with AnimateDiff's modules, and give the portrait to self-attention beside the
picture's own tokens: one attention over both. Ours has a reference-attention of its own (3.2.1), which starts as its
copy. Each of the two is given half of the output, so that they sum to what the one gave where picture and portrait
agree. The reference's features leave through `norm1` there and through `norm2` here, which starts as its copy, too.
"""

from dataclasses import dataclass

import torch

from emo.hub.peers.mapping import New, Rule

BLOCK = r"transformer_blocks\.0"

IN_RESIDUALS = r"(?:conv_in|time_embedding|conv_norm_out|conv_out)\..+|.+\.(?:resnets|downsamplers|upsamplers)\..+"
AROUND_BLOCKS = r".+\.attentions\.\d+\.(?:norm|proj_in|proj_out)\..+"
FEED_FORWARD = rf".+\.attentions\.\d+\.{BLOCK}\.(?:ff\..+|norm3\..+)"


def _half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor / 2


def _one_channel(tensor: torch.Tensor) -> torch.Tensor:
    """Weights of a convolution over a gray picture of three equal channels -> over one."""
    return tensor.sum(1, keepdim=True)


BACKBONE = (
    Rule(rf"denoising_unet\.({IN_RESIDUALS}|{AROUND_BLOCKS}|{FEED_FORWARD})", (r"unet.\1",)),
    Rule(
        rf"denoising_unet\.(.+\.attentions\.\d+\.{BLOCK})\.attn1\.(to_[qkv]\..+)",
        (r"unet.\1.attn1.\2", r"unet.\1.attn2.\2"),
    ),
    Rule(
        rf"denoising_unet\.(.+\.attentions\.\d+\.{BLOCK})\.attn1\.(to_out\..+)",
        (r"unet.\1.attn1.\2", r"unet.\1.attn2.\2"),
        change=_half,
    ),
    Rule(
        rf"denoising_unet\.(.+\.attentions\.\d+\.{BLOCK})\.norm1\.(.+)",
        (r"unet.\1.norm1.\2", r"unet.\1.norm2.\2"),
    ),
)
"""Residual and spatial layers but for the cross-attention, which is another one in each."""

_MOTION = rf"denoising_unet\.(.+\.motion_modules\.\d+)\.temporal_transformer\.{BLOCK}"
TEMPORAL = (
    Rule(
        r"denoising_unet\.(.+\.motion_modules\.\d+)\.temporal_transformer\.((?:norm|proj_in|proj_out)\..+)",
        (r"unet.\1.\2",),
    ),
    Rule(
        rf"{_MOTION}\.attention_blocks\.0\.pos_encoder\.pe",
        (r"unet.\1.transformer_blocks.0.pos_embed.pe",),
    ),
    Rule(rf"{_MOTION}\.attention_blocks\.1\.pos_encoder\.pe", why="positions in time, of which one table is enough"),
    Rule(rf"{_MOTION}\.attention_blocks\.0\.(.+)", (r"unet.\1.transformer_blocks.0.attn1.\2",)),
    Rule(rf"{_MOTION}\.attention_blocks\.1\.(.+)", (r"unet.\1.transformer_blocks.0.attn2.\2",)),
    Rule(rf"{_MOTION}\.norms\.0\.(.+)", (r"unet.\1.transformer_blocks.0.norm1.\2",)),
    Rule(rf"{_MOTION}\.norms\.1\.(.+)", (r"unet.\1.transformer_blocks.0.norm2.\2",)),
    Rule(rf"{_MOTION}\.ff_norm\.(.+)", (r"unet.\1.transformer_blocks.0.norm3.\2",)),
    Rule(rf"{_MOTION}\.(ff\..+)", (r"unet.\1.transformer_blocks.0.\2",)),
)
"""AnimateDiff's modules, by the names of its authors."""

REFERENCE = (
    Rule(rf"reference_unet\.({IN_RESIDUALS}|{AROUND_BLOCKS}|{FEED_FORWARD})", (r"reference_unet.\1",)),
    Rule(rf"reference_unet\.(.+\.{BLOCK}\.attn1\..+)", (r"reference_unet.\1",)),
    Rule(
        rf"reference_unet\.(.+\.{BLOCK})\.norm1\.(.+)",
        (r"reference_unet.\1.norm1.\2", r"reference_unet.\1.norm2.\2"),
    ),
)

NEW_FOR_SPEED = New(
    r"unet\..+\.(?:speed_norm|speed_attn|speed_pos_embed)\..+|speed_encoder\..+", "speed layers and their encoder"
)


@dataclass(frozen=True)
class Peer:
    """One system's published networks.

    Attributes:
        title: as people know it.
        files: names of its files of tensors without their endings, and for each the network that it holds where its
            tensors do not say so; where two hold the same tensor the later one counts, as in its own code.
        needed: networks that must be there.
        subfolder: of its folder of weights, where the files may lie as well.
        rules, new: how they become ours.
        settings: of our configuration that its weights decide, by dotted name.
        terms: of its weights, in a sentence or two.
        hub_encoder, hub_vae: the audio encoder and the autoencoder that it was trained with, by their Hub names.
        audio_encoder, vae: folders of these in its folder of weights; None where it has them in no format of ours.
    """

    title: str
    files: dict[str, str]
    needed: tuple[str, ...]
    subfolder: str
    rules: tuple[Rule, ...]
    new: tuple[New, ...]
    settings: dict[str, object]
    terms: str
    hub_encoder: str
    audio_encoder: str | None = None
    vae: str = "sd-vae-ft-mse"
    hub_vae: str = "stabilityai/sd-vae-ft-mse"


SCHEDULER = {
    "scheduler.prediction_type": "v_prediction",
    "scheduler.rescale_betas_zero_snr": True,
    "scheduler.timestep_spacing": "trailing",
    "scheduler.beta_schedule": "linear",
}
"""What both were trained with."""

_HEARING = r"(down_blocks\.0|mid_block|up_blocks\.3|down_blocks\.[12](?=\.\w+\.1\.))"
"""Sites at which hallo's transformers for sound are as wide as the spatial ones; they are half as wide elsewhere."""

_AUDIO = rf"denoising_unet\.{_HEARING}\.audio_modules\.(\d+)\.{BLOCK}\.attn2_2\.(to_[kv]\..+)"

HALLO = Peer(
    title="hallo",
    files={
        "net": "",
        **{name: name for name in ("denoising_unet", "reference_unet", "audioproj", "imageproj", "face_locator")},
    },
    needed=("denoising_unet", "reference_unet", "audioproj", "face_locator"),
    subfolder="hallo",
    rules=(
        # Its sound has transformers of its own behind the spatial ones, with attentions for pose, face and lips.
        # Queries and outputs are of their own tokens; keys and values see the same audio tokens as ours.
        Rule(_AUDIO, (r"unet.\1.attentions.\2.transformer_blocks.0.audio_attn.\3",)),
        Rule(
            r"denoising_unet\..+\.audio_modules\..+",
            why="transformers for sound, in whose place ours has one attention; taken are the lips' keys and values, "
            "where they are as wide as ours",
        ),
        *BACKBONE,
        *TEMPORAL,
        Rule(
            rf"denoising_unet\..+\.{BLOCK}\.(?:attn2|norm2)\..+",
            why="attention to an embedding of the face by InsightFace, which ours does not have",
        ),
        *REFERENCE,
        Rule(
            rf"reference_unet\..+\.{BLOCK}\.(?:attn2|norm2)\..+",
            why="attention to an embedding of the face by InsightFace, which ours does not have",
        ),
        Rule(r"audioproj\.proj([123])\.(.+)", (r"audio_projection.linear_\1.\2",)),
        Rule(r"audioproj\.(norm\..+)", (r"audio_projection.\1",)),
        Rule(r"imageproj\..+", why="projection of InsightFace's embedding"),
        Rule(r"face_locator\.(conv_in\.weight)", (r"face_locator.\1",), change=_one_channel),
        Rule(r"face_locator\.(.+)", (r"face_locator.\1",)),
    ),
    new=(
        New(
            r"unet\..+\.(?:audio_norm\..+|audio_attn\.(?:to_q|to_out)\..+)",
            "queries and outputs of the audio-attention, which starts by changing nothing",
        ),
        New(
            rf"unet\.(?!{_HEARING}).+\.audio_attn\.to_[kv]\..+",
            "keys and values of the audio-attention where hallo's are half as wide",
        ),
        NEW_FOR_SPEED,
    ),
    settings={**SCHEDULER, "face_locator.block_out_channels": [16, 32, 64, 128]},
    hub_encoder="facebook/wav2vec2-base-960h",
    audio_encoder="wav2vec/wav2vec2-base-960h",
    terms="hallo's weights: MIT. They go back to Stable Diffusion 1.5, whose CreativeML OpenRAIL-M holds for what is "
    "made of it, and to AnimateDiff (Apache-2.0). What hallo was trained on is not part of its license.",
)

ECHOMIMIC = Peer(
    title="EchoMimic",
    files={
        "motion_module": "denoising_unet",
        **{name: name for name in ("denoising_unet", "reference_unet", "face_locator")},
    },
    needed=("denoising_unet", "reference_unet", "face_locator"),
    subfolder="pretrained_weights",
    rules=(
        *BACKBONE,
        *TEMPORAL,
        # Its cross-attention hears, at the place where ours does.
        Rule(rf"denoising_unet\.(.+\.{BLOCK})\.attn2\.(.+)", (r"unet.\1.audio_attn.\2",)),
        Rule(rf"denoising_unet\.(.+\.{BLOCK})\.norm2\.(.+)", (r"unet.\1.audio_norm.\2",)),
        *REFERENCE,
        Rule(r"face_locator\.(.+)", (r"face_locator.\1",)),
    ),
    new=(
        New(r"audio_projection\..+", "audio projection, as EchoMimic gives the audio encoder's states as they are"),
        NEW_FOR_SPEED,
    ),
    settings={
        **SCHEDULER,
        "face_locator.block_out_channels": [16, 32, 96, 256],
        "audio_projection.token_dim": 384,
    },
    hub_encoder="openai/whisper-tiny",
    terms="EchoMimic's weights: Apache-2.0, and its README says they are for academic research. They go back to "
    "Stable Diffusion, whose CreativeML OpenRAIL-M holds for what is made of it, and to AnimateDiff (Apache-2.0). "
    "What EchoMimic was trained on is not part of its license.",
)

PEERS = {"hallo": HALLO, "echomimic": ECHOMIMIC}
"""By the name that `emo init --from-…` has for them."""

"""Random tensors of the names and shapes of hallo's and EchoMimic's networks, at any size."""

import re

import torch
from diffusers import MotionAdapter, UNet2DConditionModel

from emo.unets import AudioProjection, FaceLocator

ORIGINAL_NAMES = (  # of AnimateDiff's authors, for diffusers' of `MotionAdapter`
    (r"(motion_modules\.\d+)\.(norm|proj_in|proj_out)\.", r"\1.temporal_transformer.\2."),
    (r"(motion_modules\.\d+)\.transformer_blocks\.0\.attn1\.", r"\1.BLOCK.attention_blocks.0."),
    (r"(motion_modules\.\d+)\.transformer_blocks\.0\.attn2\.", r"\1.BLOCK.attention_blocks.1."),
    (r"(motion_modules\.\d+)\.transformer_blocks\.0\.norm1\.", r"\1.BLOCK.norms.0."),
    (r"(motion_modules\.\d+)\.transformer_blocks\.0\.norm2\.", r"\1.BLOCK.norms.1."),
    (r"(motion_modules\.\d+)\.transformer_blocks\.0\.norm3\.", r"\1.BLOCK.ff_norm."),
    (r"(motion_modules\.\d+)\.transformer_blocks\.0\.ff\.", r"\1.BLOCK.ff."),
    (r"(motion_modules\.\d+)\.transformer_blocks\.0\.pos_embed\.pe", r"\1.BLOCK.attention_blocks.0.pos_encoder.pe"),
    (r"\.BLOCK\.", ".temporal_transformer.transformer_blocks.0."),
)


def unet(widths=(320, 640, 1280, 1280), groups=32, cross=768):
    """The network that both began with."""
    return UNet2DConditionModel(
        sample_size=64, block_out_channels=widths, norm_num_groups=groups, cross_attention_dim=cross
    ).eval()


def adapter(widths=(320, 640, 1280, 1280), groups=32):
    return MotionAdapter(block_out_channels=widths, motion_norm_num_groups=groups, motion_max_seq_length=32).eval()


def motion_tensors(modules):
    """A `MotionAdapter`'s tensors by the names of AnimateDiff's authors."""
    tensors = {}
    for name, tensor in modules.state_dict().items():
        for pattern, there in ORIGINAL_NAMES:
            name = re.sub(pattern, there, name)
        tensors[name] = tensor
        if name.endswith("attention_blocks.0.pos_encoder.pe"):
            tensors[name.replace("blocks.0.pos", "blocks.1.pos")] = tensor
    return tensors


def audio_modules(tensors, widths, width=768):
    """hallo's transformers for sound, beside the spatial ones in a UNet's tensors.

    Inside they are as wide as what the level begins with, by its first site on the way down and by all on the way up.
    """
    levels = {("down_blocks", level, 0): max(0, level - 1) for level in range(4)}
    levels |= {("up_blocks", block, site): max(0, 2 - block) for block in range(4) for site in range(3)}
    made = {}
    for name, like in tensors.items():
        if ".attentions." not in name:
            continue
        there = name.replace(".attentions.", ".audio_modules.")
        side, *rest = name.split(".")
        outer = tensors[re.sub(r"(attentions\.\d+)\..+", r"\1.norm.bias", name)].shape[0]
        site = (side, int(rest[0]), int(rest[2])) if side != "mid_block" else None
        inner = widths[levels[site]] if site in levels else outer
        shape = list(like.shape)
        if "transformer_blocks" in name:
            shape = [side * inner // outer if side % outer == 0 else side for side in shape]
        elif "proj_in." in name:
            shape[0] = inner
        elif "proj_out.weight" in name:
            shape[1] = inner
        if ".attn2." not in name:
            made[there] = torch.randn(shape, device=like.device)
            continue
        if re.search(r"to_[kv]", name):
            shape = [inner, width]
        for region in range(3):
            made[there.replace("attn2", f"attn2_{region}")] = torch.randn(shape, device=like.device)
    for name in [name for name in made if name.endswith("norm1.bias")]:
        dim = made[name].shape[0]
        for region in ("full", "face", "lip"):
            begin = name.replace("norm1.bias", f"zero_conv_{region}")
            made[f"{begin}.weight"] = torch.randn(dim, dim, 1, 1, device=made[name].device)
            made[f"{begin}.bias"] = torch.randn(dim, device=made[name].device)
    return made


def reference_tensors(source, without):
    return {name: tensor for name, tensor in source.state_dict().items() if not re.search(without, name)}


def locator_tensors(widths, inputs, out):
    network = FaceLocator(widths, out)
    torch.nn.init.normal_(network.conv_out.weight)
    tensors = network.state_dict()
    shape = (widths[0], inputs, 3, 3)
    return tensors | {"conv_in.weight": torch.randn(shape, device=tensors["conv_out.bias"].device)}


def hallo(source, reference, motion, hidden=512, tokens=32, layers=12, layer_dim=768, token_dim=768):
    """Its tensors as in `net.pth`, with those of given networks where they go."""
    device = source.device
    projection = AudioProjection(2, layers, layer_dim, hidden, tokens, token_dim).state_dict()
    denoising = source.state_dict()
    parts = {
        "reference_unet": reference_tensors(reference, r"^conv_norm_out\.|^conv_out\."),
        "denoising_unet": {
            **denoising,
            **audio_modules(denoising, source.config.block_out_channels, token_dim),
            **motion_tensors(motion),
        },
        "face_locator": locator_tensors((16, 32, 64, 128), 3, source.config.block_out_channels[0]),
        "imageproj": {
            "proj.weight": torch.randn(4 * token_dim, 512, device=device),
            "proj.bias": torch.randn(4 * token_dim, device=device),
            "norm.weight": torch.randn(token_dim, device=device),
            "norm.bias": torch.randn(token_dim, device=device),
        },
        "audioproj": {name.replace("linear_", "proj"): tensor for name, tensor in projection.items()},
    }
    return {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def echomimic(source, reference, motion):
    """Its tensors by file."""
    return {
        "denoising_unet": source.state_dict(),
        "reference_unet": reference_tensors(
            reference, r"^conv_norm_out\.|^conv_out\.|transformer_blocks\.0\.(attn2|norm2)\."
        ),
        "motion_module": motion_tensors(motion),
        "face_locator": locator_tensors((16, 32, 96, 256), 1, source.config.block_out_channels[0]),
    }

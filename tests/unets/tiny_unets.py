"""Tiny networks and inputs for the tests here. All sizes differ, so that a mixed-up axis cannot pass."""

import torch
from torch import nn
from zero_init import fill_zero_init

from emo.unets import Attention, BackboneUNet, ReferenceNet
from emo.unets.feed_forward import FeedForward

B, F, N, H, W = 2, 3, 2, 4, 6  # videos, generated frames, motion frames, latent height and width
TOKENS, AUDIO_DIM, SPEED_DIM = 5, 12, 10

SHARED = {
    "in_channels": 4,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "spatial_attention": (True, False),
    "num_attention_heads": 2,
}
BACKBONE = {
    **SHARED,
    "sample_size": 4,
    "num_frames": F,
    "num_motion_frames": N,
    "motion_num_attention_heads": (2, 4),
    "motion_max_seq_length": 12,
    "audio_dim": AUDIO_DIM,
    "speed_dim": SPEED_DIM,
}


def tiny_backbone(seed: int = 0, fill: bool = True, **config) -> BackboneUNet:
    torch.manual_seed(seed)
    model = BackboneUNet(**{**BACKBONE, **config}).eval()
    return fill_zero_init(model) if fill else model


def tiny_reference_net(seed: int = 1, fill: bool = True, **config) -> ReferenceNet:
    torch.manual_seed(seed)
    model = ReferenceNet(**{**SHARED, **config}).eval()
    return fill_zero_init(model) if fill else model


def randn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def raw_inputs(batch: int = B, frames: int = F, height: int = H, width: int = W) -> dict[str, torch.Tensor]:
    """What both networks together take, before the ReferenceNet has run."""
    return {
        "sample": randn(batch, frames, 4, height, width, seed=10),
        "timestep": torch.tensor([7, 640, 999])[:batch],
        "reference_latents": randn(batch, 4, height, width, seed=11),
        "motion_latents": randn(batch, N, 4, height, width, seed=12),
        "audio": randn(batch, frames, TOKENS, AUDIO_DIM, seed=13),
        "face_mask_features": randn(batch, 8, height, width, seed=14),
        "speed": randn(batch, frames, SPEED_DIM, seed=15),
    }


def run(backbone: BackboneUNet, reference_net: ReferenceNet, raw: dict[str, torch.Tensor]) -> torch.Tensor:
    """Both networks, one after the other; a condition that is missing in `raw` is `None`."""
    rest = dict(raw)
    features = reference_net(rest.pop("reference_latents"), rest.pop("motion_latents", None))
    return backbone(reference=backbone.project_reference(features.reference), motion=features.motion, **rest)


def backbone_inputs(backbone: BackboneUNet, reference_net: ReferenceNet, **sizes: int) -> dict:
    """Keyword arguments of the backbone's forward, all conditions given."""
    raw = raw_inputs(**sizes)
    with torch.no_grad():
        features = reference_net(raw.pop("reference_latents"), raw.pop("motion_latents"))
        return {**raw, "reference": backbone.project_reference(features.reference), "motion": features.motion}


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a - b).abs().max().item()


def assert_close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def plain_attention(layer: Attention, queries: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """softmax(QKᵀ/√d)V with the layer's weights, written out; queries (N, L, C), context (N, S, C')."""
    project = lambda x, linear: (x @ linear.weight.T).unflatten(-1, (layer.heads, -1))
    q, k, v = project(queries, layer.to_q), project(context, layer.to_k), project(context, layer.to_v)
    weights = torch.einsum("nlhd,nshd->nhls", q, k).div(q.shape[-1] ** 0.5).softmax(-1)
    return torch.einsum("nhls,nshd->nlhd", weights, v).flatten(-2) @ layer.to_out[0].weight.T + layer.to_out[0].bias


def plain_geglu(feed_forward: FeedForward, x: torch.Tensor) -> torch.Tensor:
    proj = feed_forward.net[0].proj
    hidden, gate = (x @ proj.weight.T + proj.bias).chunk(2, dim=-1)
    return feed_forward.net[2](hidden * nn.functional.gelu(gate))

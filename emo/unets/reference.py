"""The ReferenceNet (3.2.3): SD 1.5's UNet at timestep 0, which yields features of the portrait and motion frames."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from diffusers.configuration_utils import register_to_config

from emo.unets.conditions import MotionMaps, PerSite, ReferenceMaps, ReferenceNetOutput
from emo.unets.spatial import ReferenceTransformer
from emo.unets.structure import Block, UNet, per_level


class Tap(NamedTuple):
    """What is read at one site, of portraits and motion frames alike.

    Attributes:
        features: the self-attention layer's output (N, h*w, C), where there is one.
        map: the feature map after it (N, C, h, w).
    """

    features: torch.Tensor | None
    map: torch.Tensor


class ReferenceNet(UNet):
    """The backbone's structure without reference-attention, audio and temporal layers, and without an output.

    Args: as `BackboneUNet`'s; the two must agree.
    """

    _no_split_modules = ("ReferenceTransformer", "ResnetBlock2D")
    _repeated_blocks = ("ReferenceTransformer",)

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        norm_num_groups: int = 32,
        spatial_attention: Sequence[bool] = (True, True, True, False),
        num_attention_heads: int | Sequence[int] = 8,
    ):
        super().__init__()
        heads = per_level(num_attention_heads, len(block_out_channels))
        self._build(
            in_channels,
            block_out_channels,
            layers_per_block,
            spatial_attention,
            norm_num_groups,
            attention=lambda dim, i: ReferenceTransformer(dim, heads[i], norm_num_groups),
        )

    def forward(
        self, reference_latents: torch.Tensor | None = None, motion_latents: torch.Tensor | None = None
    ) -> ReferenceNetOutput:
        """Features of the portrait, of the motion frames, or of both in one batched call.

        Args:
            reference_latents: (B, L, h, w).
            motion_latents: (B, n, L, h, w).

        Raises:
            ValueError: neither is given.
        """
        if reference_latents is None and motion_latents is None:
            raise ValueError("give reference_latents, motion_latents or both")
        given = [latents for latents in (reference_latents, motion_latents) if latents is not None]
        x = torch.cat([latents.reshape(-1, *latents.shape[-3:]) for latents in given])
        temb = self.time_embedding(self.time_proj(x.new_zeros(len(x))).to(x.dtype))
        x = self.conv_in(x)

        down = []
        skips = [x]
        for block in self.down_blocks:
            taps = []
            for j in range(len(block.resnets)):
                x, features = self._run(self._site, block, j, x, temb)
                taps.append(Tap(features, x))
                skips.append(x)
            down.append(tuple(taps))
            for downsample in block.downsamplers:
                x = downsample(x)
                skips.append(x)

        x, features = self._run(self._site, self.mid_block, 0, x, temb)
        mid = Tap(features, x)
        x = self.mid_block.resnets[1](x, temb)

        up = []
        for block in self.up_blocks:
            taps = []
            for j in range(len(block.resnets)):
                x, features = self._run(self._site, block, j, torch.cat([x, skips.pop()], dim=1), temb)
                taps.append(Tap(features, x))
            up.append(tuple(taps))
            for upsample in block.upsamplers:
                x = upsample(x)

        sites = PerSite(tuple(down), mid, tuple(up))
        batch = 0 if reference_latents is None else len(reference_latents)
        reference = None
        motion = None
        if reference_latents is not None:
            reference = ReferenceMaps.from_sites(
                lambda tap: None if tap.features is None else tap.features[:batch], sites
            )
        if motion_latents is not None:
            shape = motion_latents.shape[:2]
            motion = MotionMaps.from_sites(lambda tap: tap.map[batch:].unflatten(0, shape), sites)
        return ReferenceNetOutput(reference, motion)

    def _site(
        self, block: Block, j: int, x: torch.Tensor, temb: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """ResNet -> spatial transformer; the feature map and, where there is one, the self-attention's output."""
        x = block.resnets[j](x, temb)
        return block.attentions[j](x) if block.attentions else (x, None)

"""The ReferenceNet (3.2.3): SD 1.5's UNet at timestep 0, which yields features of the portrait and motion frames."""

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import register_to_config

from emo.unets.conditions import MotionMaps, PerSite, ReferenceFeatures, ReferenceMaps
from emo.unets.spatial import ReferenceTransformer
from emo.unets.structure import Block, UNet, per_level


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
    ) -> ReferenceFeatures:
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

        down, skips = [], [x]
        for block in self.down_blocks:
            down.append([])
            for j in range(len(block.resnets)):
                x, features = self._run(self._site, block, j, x, temb)
                down[-1].append((features, x))
                skips.append(x)
            for downsample in block.downsamplers:
                x = downsample(x)
                skips.append(x)

        x, features = self._run(self._site, self.mid_block, 0, x, temb)
        mid = (features, x)
        x = self.mid_block.resnets[1](x, temb)

        up = []
        for block in self.up_blocks:
            up.append([])
            for j in range(len(block.resnets)):
                x, features = self._run(self._site, block, j, torch.cat([x, skips.pop()], dim=1), temb)
                up[-1].append((features, x))
            for upsample in block.upsamplers:
                x = upsample(x)

        sites, reference, motion = PerSite(down, mid, up), None, None
        batch = 0 if reference_latents is None else len(reference_latents)
        if reference_latents is not None:
            reference = sites.map(lambda tap: None if tap[0] is None else tap[0][:batch], into=ReferenceMaps)
        if motion_latents is not None:
            shape = motion_latents.shape[:2]
            motion = sites.map(lambda tap: tap[1][batch:].unflatten(0, shape), into=MotionMaps)
        return ReferenceFeatures(reference, motion)

    def _site(self, block: Block, j: int, x: torch.Tensor, temb: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """ResNet → spatial transformer; the feature map and, where there is one, the self-attention's output."""
        x = block.resnets[j](x, temb)
        return block.attentions[j](x) if block.attentions else (x, None)

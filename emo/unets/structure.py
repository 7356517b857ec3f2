"""The skeleton that backbone and ReferenceNet share: SD 1.5's blocks as plain containers with diffusers' names.

The containers have no forward of their own; each network's forward walks them, so that all layers are seen there.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import nn

SiteLayer = Callable[[int, int], nn.Module]  # (channels, level) -> a layer of one site


class Block(nn.Module):
    """One level: ResNets, a spatial transformer and a temporal module for each where there are such, a sampler."""

    def __init__(self):
        super().__init__()
        self.resnets = nn.ModuleList()
        self.attentions = nn.ModuleList()
        self.motion_modules = nn.ModuleList()
        self.downsamplers = nn.ModuleList()
        self.upsamplers = nn.ModuleList()


class UNet(ModelMixin, ConfigMixin):
    """Base of both networks: builds the skeleton and runs one site, checkpointed or not."""

    _supports_gradient_checkpointing = True
    gradient_checkpointing = False

    down_blocks: Sequence[Block]  # an nn.ModuleList, which cannot say what it holds
    up_blocks: Sequence[Block]  # the same

    def _build(
        self,
        in_channels: int,
        block_out_channels: Sequence[int],
        layers_per_block: int,
        spatial_attention: Sequence[bool],
        norm_num_groups: int,
        attention: SiteLayer,
        temporal: SiteLayer | None = None,
        temporal_mid: bool = False,
    ) -> None:
        """Make `time_embedding`, `conv_in`, `down_blocks`, `mid_block` and `up_blocks`.

        Args:
            in_channels: latent channels L.
            block_out_channels: channels per level.
            layers_per_block: layers per level on the way down; one more on the way up.
            spatial_attention: per level, whether its sites have a spatial transformer. The middle always has one.
            norm_num_groups: groups of every GroupNorm.
            attention: makes a site's spatial transformer.
            temporal: makes a site's temporal module; `None` for a network without them.
            temporal_mid: whether the middle has a temporal module.
        """
        channels = list(block_out_channels)
        last = len(channels) - 1
        time_channels = 4 * channels[0]

        def resnet(inputs: int, outputs: int) -> ResnetBlock2D:
            return ResnetBlock2D(
                in_channels=inputs, out_channels=outputs, temb_channels=time_channels, groups=norm_num_groups, eps=1e-5
            )

        def add_site(block: Block, inputs: int, level: int) -> int:
            outputs = channels[level]
            block.resnets.append(resnet(inputs, outputs))
            if spatial_attention[level]:
                block.attentions.append(attention(outputs, level))
            if temporal is not None:
                block.motion_modules.append(temporal(outputs, level))
            return outputs

        self.time_proj = Timesteps(channels[0], flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(channels[0], time_channels)
        self.conv_in = nn.Conv2d(in_channels, channels[0], kernel_size=3, padding=1)
        width = channels[0]
        skips = [width]

        blocks = nn.ModuleList()
        self.down_blocks = cast("Sequence[Block]", blocks)
        for level in range(len(channels)):
            block = Block()
            for _ in range(layers_per_block):
                width = add_site(block, width, level)
                skips.append(width)
            if level < last:
                block.downsamplers.append(Downsample2D(width, use_conv=True, out_channels=width, name="op"))
                skips.append(width)
            blocks.append(block)

        self.mid_block = Block()
        self.mid_block.resnets.extend([resnet(width, width), resnet(width, width)])
        self.mid_block.attentions.append(attention(width, last))
        if temporal is not None and temporal_mid:
            self.mid_block.motion_modules.append(temporal(width, last))

        blocks = nn.ModuleList()
        self.up_blocks = cast("Sequence[Block]", blocks)
        for level in reversed(range(len(channels))):
            block = Block()
            for _ in range(layers_per_block + 1):
                width = add_site(block, width + skips.pop(), level)
            if level > 0:
                block.upsamplers.append(Upsample2D(width, use_conv=True, out_channels=width))
            blocks.append(block)

    def _run(self, site: Callable, *inputs: Any) -> Any:
        """Run one site, recomputing it in the backward pass when gradient checkpointing is on."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            assert self._gradient_checkpointing_func is not None
            return self._gradient_checkpointing_func(site, *inputs)
        return site(*inputs)


def per_level(heads: int | Sequence[int], levels: int) -> list[int]:
    """Attention heads per level from one number for all levels or one per level."""
    return [heads] * levels if isinstance(heads, int) else list(heads)

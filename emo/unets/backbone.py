"""The backbone network (3.2.1): SD 1.5's UNet on video, guided by reference, audio, motion frames, mask and speed."""

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.models.cache_utils import CacheMixin
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import nn
from torch.nn import functional

from emo.unets.attention import KeyValue
from emo.unets.conditions import MotionMaps, PerSite, ReferenceKeyValues, ReferenceMaps
from emo.unets.guidance_embedding import GuidanceEmbedding
from emo.unets.spatial import BackboneTransformer, repeated
from emo.unets.structure import Block, UNet, per_level
from emo.unets.temporal import TemporalBlock, TemporalModule


class BackboneUNet(UNet, CacheMixin):
    """Predicts the noise (or velocity) of F video frames at once.

    Args:
        sample_size: latent height and width the model is made for (64 for 512 px).
        num_frames: F, frames generated per clip.
        num_motion_frames: n, frames of the previous clip that the temporal modules see (3.2.4).
        in_channels: latent channels L.
        out_channels: latent channels L.
        block_out_channels: channels per level, as in diffusers' `UNet2DConditionModel`.
        layers_per_block: as there.
        norm_num_groups: as there.
        spatial_attention: per level, whether its sites have a spatial transformer.
        num_attention_heads: of the spatial layers, one number or one per level.
        motion_num_attention_heads: of the temporal layers, one number or one per level.
        motion_max_seq_length: length of the temporal positional embeddings, at least n + F.
        use_motion_mid_block: whether the middle has a temporal module (AnimateDiff v1.5-2 has, v1.5-3 has not).
        audio_dim: D, width of the audio tokens.
        speed_dim: l, width of the speed features.
        aligned_reference: whether spatial transformers are also given what the reference has in each token's place.
        noise_correlation: of the noise of neighboring frames, 0 as in the paper to less than 1, from which generation
            starts, and training too unless told otherwise.
        strength: share of the noise schedule that is used: generation starts from the portrait's latents with the
            noise of that time, and training knows of none above; 1 is the paper's, which starts from noise alone.
        guidance_embeds: conditions, `"audio"` and `"reference"`, whose weight of guidance the network is told, as
            distilled ones are; none in the paper.
        num_inference_steps: of denoising, from here on what generation takes where it is told nothing; the paper's.
        audio_guidance_scale, reference_guidance_scale: weights of guidance.
    """

    _no_split_modules = ("BackboneTransformer", "TemporalModule", "ResnetBlock2D")
    _repeated_blocks = ("BackboneBlock", "TemporalBlock")  # inside what a cache's hooks wrap

    @register_to_config
    def __init__(
        self,
        sample_size: int = 64,
        num_frames: int = 12,
        num_motion_frames: int = 4,
        in_channels: int = 4,
        out_channels: int = 4,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        norm_num_groups: int = 32,
        spatial_attention: Sequence[bool] = (True, True, True, False),
        num_attention_heads: int | Sequence[int] = 8,
        motion_num_attention_heads: int | Sequence[int] = 8,
        motion_max_seq_length: int = 32,
        use_motion_mid_block: bool = True,
        audio_dim: int = 768,
        speed_dim: int = 256,
        aligned_reference: bool = False,
        noise_correlation: float = 0.0,
        strength: float = 1.0,
        guidance_embeds: Sequence[str] = (),
        num_inference_steps: int = 40,
        audio_guidance_scale: float = 1.5,
        reference_guidance_scale: float = 1.0,
    ):
        super().__init__()
        if motion_max_seq_length < num_motion_frames + num_frames:
            raise ValueError(
                f"motion_max_seq_length={motion_max_seq_length} is less than num_motion_frames + num_frames = "
                f"{num_motion_frames + num_frames}"
            )
        levels = len(block_out_channels)
        heads, motion_heads = per_level(num_attention_heads, levels), per_level(motion_num_attention_heads, levels)
        self._build(
            in_channels,
            block_out_channels,
            layers_per_block,
            spatial_attention,
            norm_num_groups,
            attention=lambda dim, i: BackboneTransformer(dim, heads[i], norm_num_groups, audio_dim, aligned_reference),
            temporal=lambda dim, i: TemporalModule(
                dim, motion_heads[i], norm_num_groups, speed_dim, motion_max_seq_length
            ),
            temporal_mid=use_motion_mid_block,
        )
        self.guidance_embedding = (
            GuidanceEmbedding(len(guidance_embeds), 4 * block_out_channels[0]) if guidance_embeds else None
        )
        self.conv_norm_out = nn.GroupNorm(norm_num_groups, block_out_channels[0], eps=1e-5)
        self.conv_out = nn.Conv2d(block_out_channels[0], out_channels, kernel_size=3, padding=1)

    @apply_forward_hook
    def project_reference(self, maps: ReferenceMaps) -> ReferenceKeyValues:
        """Project the reference maps to keys and values of every reference-attention; once per video will do."""
        return ReferenceKeyValues.from_sites(
            lambda features, layer: layer.project_reference(features), maps, self._spatial_layers()
        )

    def ignores_speed(self) -> bool:
        """Whether all speed layers are at their zero start, as before stage 3: without speed nothing changes then."""
        layers = [module.speed_attn.to_out for module in self.modules() if isinstance(module, TemporalBlock)]
        parameters = [parameter for layer in layers for parameter in layer.parameters()]
        return not any(parameter.is_meta or parameter.float().any() for parameter in parameters)

    def _spatial_layers(self) -> PerSite[nn.Module]:
        """The spatial transformer of every site, `None` where there is none."""

        def of_level(block: Block) -> tuple[nn.Module | None, ...]:
            return tuple(block.attentions) if block.attentions else (None,) * len(block.resnets)

        return PerSite(
            down=tuple(of_level(block) for block in self.down_blocks),
            mid=self.mid_block.attentions[0],
            up=tuple(of_level(block) for block in self.up_blocks),
        )

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        reference: ReferenceKeyValues,
        motion: MotionMaps | None = None,
        audio: torch.Tensor | None = None,
        face_mask_features: torch.Tensor | None = None,
        speed: torch.Tensor | None = None,
        guidance: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """One denoising step.

        Rows of guidance are videos that differ in reference and audio alone. Of what all share, sample, mask and
        reference, one may be given for all; the rows' common beginning is then computed once.

        Args:
            sample: noisy latents (B or 1, F, L, h, w); h and w divisible by 2 to the number of levels less one.
            timestep: (B,), or one for each frame, (B, F).
            reference: from `project_reference`, of B videos or 1.
            motion: the ReferenceNet's maps of n motion frames; `None` skips the temporal modules (stage 1).
            audio: tokens (A, F, tokens, D) of the first A of B videos; the others are given what zeros would give.
                `None` skips the audio layers, which is not the same.
            face_mask_features: the face locator's output, of as many videos as `sample` (…, C_0, h, w).
            speed: features (B, F, l); `None` skips the speed layers (Table 2, "No Speed").
            guidance: weights (B, conditions) of `guidance_embeds`; `None` for no guidance.

        Returns:
            The prediction (B, F, L, h, w).

        Raises:
            ValueError: a condition is for another number of videos or frames, or guidance for other conditions.
        """
        batch, frames = timestep.shape[0], sample.shape[1]
        _check_sizes(batch, sample, reference, motion, audio, face_mask_features, speed)
        conditions = self.config["guidance_embeds"]
        if guidance is not None and guidance.shape != (batch, len(conditions)):
            raise ValueError(f"guidance is {tuple(guidance.shape)}, this network hears {(batch, len(conditions))}")
        temb = self.time_embedding(self.time_proj(timestep.flatten()).to(sample.dtype)).unflatten(0, (batch, -1))
        if self.guidance_embedding is not None:
            heard = temb.new_ones(batch, len(conditions)) if guidance is None else guidance
            temb = temb + self.guidance_embedding(heard.to(temb.dtype))[:, None]
        temb = temb.expand(batch, frames, -1).flatten(0, 1)
        x = self.conv_in(sample.flatten(0, 1))
        if face_mask_features is not None:  # 3.2.5; after conv_in, which is linear, so this contains the paper's sum
            x = (x.unflatten(0, (-1, frames)) + face_mask_features[:, None]).flatten(0, 1)

        maps: PerSite[torch.Tensor | None] = motion or PerSite.from_sites(lambda _: None, reference)
        skips = [x]
        for block, key_values, motions in zip(self.down_blocks, reference.down, maps.down, strict=True):
            for j, site in enumerate(zip(key_values, motions, strict=True)):
                x = self._run(self._site, block, j, x, temb, *site, audio, speed)
                skips.append(x)
            for downsample in block.downsamplers:
                x = downsample(x)
                skips.append(x)

        x = self._run(self._site, self.mid_block, 0, x, temb, reference.mid, maps.mid, audio, speed)
        x = self.mid_block.resnets[1](x, temb)

        for block, key_values, motions in zip(self.up_blocks, reference.up, maps.up, strict=True):
            for j, site in enumerate(zip(key_values, motions, strict=True)):
                x = torch.cat([x, repeated(skips.pop(), x.shape[0])], dim=1)
                x = self._run(self._site, block, j, x, temb, *site, audio, speed)
            for upsample in block.upsamplers:
                x = upsample(x)

        return self.conv_out(functional.silu(self.conv_norm_out(x))).unflatten(0, (batch, frames))

    def _site(
        self,
        block: Block,
        j: int,
        x: torch.Tensor,
        temb: torch.Tensor,
        reference: KeyValue | None,
        motion: torch.Tensor | None,
        audio: torch.Tensor | None,
        speed: torch.Tensor | None,
    ) -> torch.Tensor:
        """ResNet -> spatial transformer -> temporal module, for the layers that the site has."""
        x = block.resnets[j](x, temb[: x.shape[0]])
        if block.attentions:
            x = block.attentions[j](x, reference, audio, temb.shape[0])
        x = repeated(x, temb.shape[0])
        if motion is not None and block.motion_modules:
            x = block.motion_modules[j](x, motion, speed)
        return x


def _check_sizes(
    batch: int,
    sample: torch.Tensor,
    reference: ReferenceKeyValues,
    motion: MotionMaps | None,
    audio: torch.Tensor | None,
    face_mask_features: torch.Tensor | None,
    speed: torch.Tensor | None,
) -> None:
    """All conditions are for B videos of F frames; some are folded into others' batch, where it would not show."""
    given, frames = sample.shape[:2]
    rows = {batch}
    for name, tensor, videos, of_frames in (
        ("sample", sample, {1, batch}, False),
        ("reference", reference.mid.key, {1, batch}, False),
        ("motion", None if motion is None else motion.mid, rows, False),
        ("audio", audio, range(batch + 1), True),
        ("face_mask_features", face_mask_features, {given}, False),
        ("speed", speed, rows, True),
    ):
        if tensor is not None and (tensor.shape[0] not in videos or (of_frames and tensor.shape[1] != frames)):
            size = tuple(tensor.shape[: 2 if of_frames else 1])
            raise ValueError(f"{name} is for {size} videos and frames, timestep and sample for {(batch, frames)}")

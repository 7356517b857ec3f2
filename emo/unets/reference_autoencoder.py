"""A patch autoencoder whose decoder is given the portrait, and draws twice as large from the same latents."""

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor

from emo.unets.patch_autoencoder import PatchAutoencoder
from emo.unets.reference_decoder import Drawing, Reference, ReferenceDecoder


class ReferenceAutoencoder(PatchAutoencoder):
    """`PatchAutoencoder` with a `ReferenceDecoder` beside its own, to whose latents it changes nothing.

    Args:
        reference_out_channels: widths of the reference decoder, from the finest features to the latents'; as many as
            there are `block_out_channels`.
        reference_layers: its residual blocks at the latents' size.
        latent_channels, block_out_channels, layers_per_block, norm_num_groups, scaling_factor, sample_size: of the
            patch autoencoder.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        block_out_channels: Sequence[int] = (8, 16, 48, 128),
        layers_per_block: int = 3,
        norm_num_groups: int = 8,
        scaling_factor: float = 1.0,
        sample_size: int = 128,
        reference_out_channels: Sequence[int] = (16, 32, 64, 128),
        reference_layers: int = 4,
    ):
        super().__init__(  # by name: diffusers takes what is given by place for left at its default
            latent_channels=latent_channels,
            block_out_channels=block_out_channels,
            layers_per_block=layers_per_block,
            norm_num_groups=norm_num_groups,
            scaling_factor=scaling_factor,
            sample_size=sample_size,
        )
        if len(reference_out_channels) != len(block_out_channels):
            raise ValueError("reference_out_channels needs as many entries as block_out_channels, to halve as often")
        self.reference_decoder = ReferenceDecoder(
            latent_channels, reference_out_channels, reference_layers, norm_num_groups
        )

    @property
    def enlargement(self) -> int:
        """Pixels of a picture at which flow and paint are found, over those of the encoded one."""
        return self.reference_decoder.pixels // self.patch

    @apply_forward_hook
    def encode_reference(self, picture: Tensor, latents: Tensor) -> Reference:
        """What `decode` looks up, once per video.

        Args:
            picture: the portrait (1 or B, 3, H, W) in -1 ... 1 at the size of the frames that are wanted.
            latents: as `encode` makes them of it at the size of the latents', (1 or B, L, h, w).
        """
        return self.reference_decoder.encode(picture, latents)

    @apply_forward_hook
    def decode(
        self, z: Tensor, return_dict: bool = True, reference: Reference | None = None
    ) -> DecoderOutput | tuple[Tensor]:
        """Latents -> pictures in -1 ... 1.

        Args:
            z: (B, L, h, w).
            return_dict: whether to return an object in place of a tuple.
            reference: of the portrait, or of B portraits; without it the patch autoencoder's own decoder draws.

        Returns:
            Pictures (B, 3, H, W): as large as the reference's, or h * patch without it.
        """
        if reference is None:
            return super().decode(z, return_dict=return_dict)
        parts = z.split(1) if self.use_slicing and len(reference.latents) == 1 else [z]
        drawings = (self.draw(part, reference) for part in parts)
        pictures = torch.cat([drawing.over(drawing.moved(reference.picture)) for drawing in drawings])
        return DecoderOutput(sample=pictures) if return_dict else (pictures,)

    def draw(self, z: Tensor, reference: Reference) -> Drawing:
        """Flow, visibility and paint of latents (B, L, h, w); see `ReferenceDecoder`."""
        return self.reference_decoder(z, super().decode(z, return_dict=False)[0], reference)

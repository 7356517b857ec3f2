"""GAIA's motion model told by sentences, which are added to a model that is told by sound (3.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPTextModelWithProjection, CLIPTokenizer

from emo.data import ClipReader
from emo.errors import ConfigError, DatasetError
from emo.hub.build_gaia import build_text_encoder
from emo.hub.gaia_config import load_gaia_config
from emo.motion.gaia import MotionConformer, measured_latents
from emo.motion.gaia.instruction import NOTHING, Instruction
from emo.motion.gaia.words import sentence_ids, small_tokenizer
from emo.training.gaia.networks import COMPONENTS
from emo.training.gaia.samples import SequenceBatch, SequenceDrawer
from emo.training.gaia.stage import GAIAMotionStage
from emo.training.loading import load_part

KIND = "instructed"


def clip_sentence(reader: ClipReader, number: int) -> str:
    """What somebody was told; empty where nothing."""
    motion = reader.clips[number].motion
    return NOTHING if motion is None else motion.text


class InstructedNetworks(nn.Module):
    """A motion model, and what reads sentences for it.

    Args:
        denoiser: S.
        text_encoder: CLIP's, or a small one.
    """

    pose_predictor = None

    def __init__(self, denoiser: MotionConformer, text_encoder: CLIPTextModelWithProjection):
        super().__init__()
        self.denoiser = denoiser
        self.text_encoder = text_encoder

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        input_ids: Tensor,
        reference: Tensor,
        has_reference: Tensor,
        frame_mask: Tensor,
    ) -> tuple[Tensor, None]:
        """Z0 (B, N, D) of noisy motion and sentences' ids (B, L); see the networks."""
        told = self.text_encoder(input_ids=input_ids).text_embeds
        speech = told[:, None].expand(-1, sample.shape[1], -1)
        return self.denoiser(sample, timestep, speech, reference, has_reference, frame_mask), None


@dataclass(frozen=True)
class InstructedBatch(SequenceBatch):
    """Sequences of people who do as told.

    Attributes:
        sentences: that told them.
    """

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class InstructedDrawer(SequenceDrawer):
    """Draws a sequence with its sentence, from a clip's beginning on, as what is told is done once."""

    def sample(self, reader: ClipReader, number: int, index: int, rng: np.random.Generator) -> InstructedBatch:
        """See `SequenceDrawer`."""
        drawn = super().sample(reader, number, index, rng)
        return InstructedBatch(**vars(drawn), sentences=(clip_sentence(reader, number),))

    def start(self, rng: np.random.Generator, frames: int, length: int) -> int:
        """See `SequenceDrawer`."""
        return 0


class InstructedStage(GAIAMotionStage):
    """See `emo.training.stage.Stage`."""

    tokenizer: CLIPTokenizer
    drawer_class = InstructedDrawer
    batch_class = InstructedBatch

    def _reader(self, split: str) -> ClipReader:
        """Clips whose people are told what to do.

        Raises:
            DatasetError: there is none.
        """
        reader = super()._reader(split)
        reader.clips = [clip for number, clip in enumerate(reader.clips) if clip_sentence(reader, number)]
        if not reader.clips:
            raise DatasetError(
                f"{self.config.data.root}/{split}: nobody is told anything; make some with "
                "`emo synthesize --instructed-share`"
            )
        return reader

    def _networks(self) -> Any:
        """Trained ones, or new ones, whose units are those of the clips and whose words are those of the sentences."""
        model, space, clips = self.config.model, self.state.space(self.vae), range(len(self.reader))
        if model.init:
            self.tokenizer = load_part(CLIPTokenizer, model.init, subfolder="tokenizer")
            parts = COMPONENTS[KIND]
            denoiser = load_part(MotionConformer, model.init, subfolder=parts["denoiser"])
            encoder = load_part(CLIPTextModelWithProjection, model.init, subfolder=parts["text_encoder"])
            if denoiser.space.names != space.names:
                raise ConfigError(f"model.init: {model.init} has another autoencoder")
            return InstructedNetworks(denoiser, self._kept(encoder))
        config = load_gaia_config(model.config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            if model.text_encoder:
                self.tokenizer = load_part(CLIPTokenizer, model.text_encoder)
                encoder = load_part(CLIPTextModelWithProjection, model.text_encoder, use_safetensors=True)
            else:
                self.tokenizer = small_tokenizer(clip_sentence(self.reader, number) for number in clips)
                encoder = build_text_encoder(config.text_encoder, self.tokenizer)
            motions = torch.cat([self._motion(self.reader, number) for number in clips])
            denoiser = MotionConformer(
                space=measured_latents(space, motions).to_dict(),
                token_channels=self.state.channels(self.vae),
                speech_dim=int(encoder.config.projection_dim or 0),
                fps=str(self.reader.clips[0].rate),
                **vars(config.denoiser),
            )
        return InstructedNetworks(denoiser, self._kept(encoder))

    def _kept(self, encoder: CLIPTextModelWithProjection) -> CLIPTextModelWithProjection:
        """An encoder that stays as it is where it was given."""
        return encoder.requires_grad_(False) if self.config.model.text_encoder else encoder

    def _conditions(self, batch: SequenceBatch, has_speech: Tensor) -> dict[str, Tensor]:
        assert isinstance(batch, InstructedBatch)
        told = [
            sentence if has else NOTHING for sentence, has in zip(batch.sentences, has_speech.tolist(), strict=True)
        ]
        return {"input_ids": sentence_ids(self.tokenizer, told).to(batch.motion.device)}

    def _heard(self, networks: Any, reader: ClipReader, number: int, frames: int) -> tuple[Any, Tensor]:
        sentence = clip_sentence(reader, number)
        told = Instruction.of(sentence, self.tokenizer, networks.text_encoder, self.device)
        return told, torch.zeros(frames, self.audio_dim)

    def _pipeline_parts(self) -> Mapping[str, Any]:
        return {**super()._pipeline_parts(), "tokenizer": self.tokenizer}

"""The lip reader of L_read: lips and sounds of one moment come together, those of two part. See docs/gohd.md."""

import json
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader
from emo.motion.gohd import EXPRESSION
from emo.motion.gohd.lip_reader import FrameEmbedding, LipReader
from emo.training.clips import clip_audio, clip_controls
from emo.training.gohd.base import GoHDStage, columns
from emo.training.gohd.config import GoHDReaderConfig
from emo.training.gohd.samples import PieceBatch, PieceSampler
from emo.training.loading import save_parts
from emo.training.syncnet.losses import lag_loss


class GoHDReaderNetworks(nn.Module):
    """What reads, and what hears beside it."""

    def __init__(self, lip_reader: LipReader, hearing: FrameEmbedding):
        super().__init__()
        self.lip_reader, self.hearing = lip_reader, hearing

    def forward(self, motion: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """What is read of named controls (B, T, 14) and heard of sounds (B, T, A), (B, T, D) each."""
        return self.lip_reader.read(columns(motion, *EXPRESSION)), self.hearing(audio)


class GoHDReaderStage(GoHDStage[GoHDReaderNetworks]):
    """See `emo.training.stage.Stage`. Shorter clips than a sequence are left out."""

    config: GoHDReaderConfig

    def __init__(self, config: GoHDReaderConfig, accelerator: Accelerator):
        super().__init__(config, accelerator, config.data.frames)
        model = config.model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            reader = LipReader(dim=model.dim, embedding_dim=model.embedding_dim, layers=model.layers)
            hearing = FrameEmbedding(self.audio_dim, model.dim, model.embedding_dim, model.layers)
            self.networks = GoHDReaderNetworks(reader, hearing)

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        frames = self.config.data.frames
        return self.piece_loader(PieceSampler(frames, frames), start_batch, num_processes, process_index)

    def loss(self, networks: nn.Module, batch: PieceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of finding the lips' sound among those of the sequence, and the other way around."""
        read, heard = networks(batch.motion, batch.audio)
        return lag_loss(read.float(), heard.float())

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`lip_reader`, as diffusers loads it."""
        save_parts(self.networks, ("lip_reader",), folder, weights)

    def validate(self, networks: GoHDReaderNetworks, folder: Path) -> dict[str, float]:
        """`found`, how often lips of a held-out sequence find their own sound in it, give or take a frame; in
        `scores.json`."""
        reader = self.open_reader(self.config.data.held_out, self.config.data.frames)
        count = min(self.config.validated, len(reader))
        found = {"found": sum(self._found(networks, reader, number) for number in range(count)) / count}
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    @torch.no_grad()
    def _found(self, networks: GoHDReaderNetworks, reader: ClipReader, number: int) -> float:
        frames = self.config.data.frames
        motion, audio = (part(reader, number)[None, :frames] for part in (clip_controls, clip_audio))
        read, heard = networks(motion.to(self.device), audio.to(self.device))
        return float(lag_loss(read.float(), heard.float())[1]["found"])

"""What the frozen networks make of every clip, computed once: latents of the frames, audio encoder states.

A cache belongs to the weights that made it: its folder is named after their fingerprint.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.data.format import SPLITS, ClipInfo, read_metadata, reading_clips
from emo.errors import DatasetError
from emo.files import write_whole, writing_into
from emo.generation.audio_features import AudioFeatures
from emo.generation.fingerprint import modules_fingerprint
from emo.generation.latents import encode_pictures
from emo.locks import claim_folder
from emo.media import AudioTrack, VideoReader

FOLDER = ".cache"  # hidden, so that the Hub's dataset viewer does not look into it


def cache_folder(root: str | Path, vae: AutoencoderKL, audio_encoder: Wav2Vec2Model, size: int) -> Path:
    """Where the cache of these weights is, or would be.

    Args:
        root: the dataset. size: pixels at which its frames are encoded.
    """
    return Path(root) / FOLDER / f"{modules_fingerprint({'audio_encoder': audio_encoder, 'vae': vae})}-{size}"


def check_cache(folder: Path) -> Path:
    """The folder again, if a cache was made there.

    Raises:
        DatasetError: none was, or not to the end.
    """
    if not (folder / "complete").is_file():
        raise DatasetError(f"{folder}: no complete cache for these weights; make it with `emo cache`")
    return folder


@torch.no_grad()
def build_cache(
    root: str | Path,
    vae: AutoencoderKL,
    audio_encoder: Wav2Vec2Model,
    feature_extractor: SequenceFeatureExtractor,
    *,
    size: int,
    batch_size: int = 16,
    dtype: torch.dtype = torch.float32,
) -> Iterator[tuple[int, int]]:
    """Encode every clip of a dataset, on the networks' device; what is there from an earlier run stays.

    Per clip a safetensors file in `cache_folder`: `latents` (T, L, h, w), scaled as the scheduler wants them, and
    `audio` (T, layers, width), the hidden states at every frame as `AudioFeatures` gives them; both float16.

    Args:
        size: pixels to which frames are scaled.
        batch_size: frames at a time.
        dtype: in which the autoencoder computes; its weights, and so the cache's name, stay as they are.

    Yields:
        Clips done and clips in all, after each.

    Raises:
        DatasetError: the dataset is damaged.
        OutputError: the cache cannot be written, or somebody else is writing it.
    """
    root = Path(root)
    folder = cache_folder(root, vae, audio_encoder, size)
    tables = [split for split in SPLITS if (root / split).is_dir() and any((root / split).glob("*.safetensors"))]
    clips = [clip for split in tables or SPLITS[:1] for clip in read_metadata(root, split)]
    with claim_folder(folder):
        for number, clip in enumerate(clips, 1):
            path = _file(folder, clip)
            if not path.is_file():
                with writing_into(path.parent):
                    path.parent.mkdir(parents=True, exist_ok=True)
                video = root / clip.split / clip.file_name
                with reading_clips():
                    tensors = {"latents": _latents(video, vae, size, batch_size, dtype)}
                    if clip.has_audio:
                        with AudioTrack.open(video, feature_extractor.sampling_rate) as track:
                            features = AudioFeatures(track, audio_encoder, feature_extractor, clip.rate, clip.frames)
                            tensors["audio"] = features.windows(0, clip.frames, 0)[0, :, 0].to("cpu", torch.float16)
                write_whole(path, save({name: tensor.contiguous() for name, tensor in tensors.items()}))
            yield number, len(clips)
        write_whole(folder / "complete", b"")


def load_cached(folder: Path, clip: ClipInfo, *, audio: bool) -> dict[str, torch.Tensor]:
    """A clip's `latents` and, if asked for, `audio`.

    Raises:
        DatasetError: the clip is not in the cache, or its file is damaged or of another length.
    """
    path = _file(folder, clip)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in (("latents", "audio") if audio else ("latents",))}
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); run `emo cache` again") from None
    if len(tensors["latents"]) != clip.frames:
        raise DatasetError(
            f"{path} is of another clip than {clip.file_name}; remove {folder} and run `emo cache` again"
        )
    return tensors


def scale_frames(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Frames uint8 (N, H, W, 3) at the size that training sees."""
    if frames.shape[1:3] == (height, width):
        return frames
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])


def _file(folder: Path, clip: ClipInfo) -> Path:
    return folder / clip.split / Path(clip.file_name).with_suffix(".safetensors")


def _latents(video: Path, vae: AutoencoderKL, size: int, batch_size: int, dtype: torch.dtype) -> torch.Tensor:
    parts = []
    with VideoReader(video, own=True) as reader:
        for start in range(0, len(reader), batch_size):
            frames = reader.read(range(start, min(start + batch_size, len(reader))))
            pictures = torch.from_numpy(scale_frames(frames, size, size)).permute(0, 3, 1, 2).to(vae.device)
            with torch.autocast(vae.device.type, dtype, enabled=dtype != torch.float32):
                latents = encode_pictures(vae, pictures)
            parts.append(latents.to("cpu", torch.float16))
    return torch.cat(parts)

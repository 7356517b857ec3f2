"""The encoder half of Whisper (https://arxiv.org/abs/2212.04356), which hears many languages."""

from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder


class WhisperAudioEncoder(WhisperEncoder):
    """Log-mel spectrograms (B, bins, 3000) of 30 s -> hidden states (B, 1500, width), as transformers has it.

    A class of its own, since transformers offers the encoder by no name that a model folder could say.

    Args:
        config: of the whole Whisper.
    """

    config: WhisperConfig

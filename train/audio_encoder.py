"""The audio encoder of a model without pretrained parts: a small wav2vec 2.0 that learns to hear, in noisy synthetic
speech, what moves a mouth. Of its heads nothing is kept; all stages leave it as it is.

    accelerate launch train/audio_encoder.py --config configs/train/emo-tiny/audio_encoder.yaml
"""

import emo.entry  # noqa: F401

import sys

from emo.training.audio_encoder import AudioEncoderStage, AudioEncoderTrainingConfig
from emo.training.script import run, train_stage


def main() -> int:
    return train_stage(AudioEncoderStage, AudioEncoderTrainingConfig, __doc__)


if __name__ == "__main__":
    sys.exit(run(main))

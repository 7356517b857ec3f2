"""What configures the training of GoHD's motion: its poses, its lips, and what eyes do."""

from dataclasses import dataclass
from typing import Annotated

from omegaconf import MISSING

from emo.bounds import SHARE, Choice, Name, Numbers
from emo.config import key
from emo.training.config import SEEDS, LoopConfig, OptimizerConfig, SoundClipsConfig
from emo.training.gohd.targets import TARGETS

FRAMES = Numbers(8, 65536)
WEIGHT = Numbers(0, 1e6)
CLIPS = Numbers(2, 10**6)
WIDTH = Numbers(1, 65536)


@dataclass
class GoHDModelConfig:
    """The networks."""

    config: Annotated[str, Name()] = key(MISSING, "name or file of the configuration of the model whose they are")
    audio_encoder: Annotated[str, Name()] = key(MISSING, "folder or Hub name of wav2vec 2.0; it stays as it is")


@dataclass
class GoHDPoseDataConfig(SoundClipsConfig):
    """Clips or tracks to learn poses from, labeled with all controls."""

    min_frames: Annotated[int, FRAMES] = key(
        50, "of a sequence, which begins and ends anywhere in its clip; those of the model's most at most"
    )


@dataclass
class GoHDDropConfig:
    """Probabilities of dropping conditions."""

    first: Annotated[float, SHARE] = key(0.5, "of the first pose p0; the paper trains two networks")


@dataclass
class GoHDPoseValidationConfig:
    """What is generated every `train.validate_every` steps: poses of whole held-out clips."""

    clips: Annotated[int, CLIPS] = key(8, "how many")
    num_inference_steps: Annotated[int, Numbers(1, 150)] = key(20, "in each sequence; the paper's are 150")
    pose_guidance: Annotated[float, SHARE] = key(0.4, "gamma, of p0 (eq. 3)")
    seed: Annotated[int, SEEDS] = key(0, "of the noise")


@dataclass
class GoHDPoseConfig:
    """All options of the poses' training."""

    data: GoHDPoseDataConfig = key(GoHDPoseDataConfig(), "what is learned from")
    model: GoHDModelConfig = key(GoHDModelConfig(), "the networks")
    drop: GoHDDropConfig = key(GoHDDropConfig(), "how often conditions are dropped")
    validation: GoHDPoseValidationConfig = key(GoHDPoseValidationConfig(), "what is generated and measured")
    train: LoopConfig = key(LoopConfig(), "the loop")


@dataclass
class GoHDReaderDataConfig(SoundClipsConfig):
    """Clips or tracks to learn reading lips from, labeled with all controls."""

    frames: Annotated[int, FRAMES] = key(75, "of a sequence, among whose sounds those of the lips are found")


@dataclass
class GoHDReaderModelConfig(GoHDModelConfig):
    """The networks."""

    dim: Annotated[int, WIDTH] = key(64, "width of the reader and of what hears")
    embedding_dim: Annotated[int, WIDTH] = key(64, "of what is read and heard")
    layers: Annotated[int, Numbers(1, 64)] = key(2, "convolutions along time, of 5 frames each")


@dataclass
class GoHDReaderConfig:
    """All options of the lip reader."""

    data: GoHDReaderDataConfig = key(GoHDReaderDataConfig(), "what is learned from")
    model: GoHDReaderModelConfig = key(GoHDReaderModelConfig(), "the networks")
    validated: Annotated[int, CLIPS] = key(8, "held-out clips of a validation")
    train: LoopConfig = key(LoopConfig(), "the loop")


@dataclass
class GoHDLipLossConfig:
    """What stage 1 learns (the weights of eq. 19)."""

    expression: Annotated[float, WEIGHT] = key(2.0, "L_1, of the absolute difference of the normalized expression")
    eyes: Annotated[float, WEIGHT] = key(
        2.0,
        "L_eye, of the summed difference of how far lids are open, 1 as a rule, and where brows are, in eye distances",
    )
    landmarks: Annotated[float, WEIGHT] = key(
        0.01, "L_lms, of the squared distance of landmarks of lips and jaw, in thousandths of the eyes' distance"
    )
    shut: Annotated[float, WEIGHT] = key(
        1.0, "L_shut, of the squared difference of how the inner lips are apart, in hundredths of the eyes' distance"
    )
    read: Annotated[float, WEIGHT] = key(
        2.0, "L_read, of 1 - cosine of what `model.reader` reads of the lips, where there is one"
    )


@dataclass
class GoHDLipDataConfig(SoundClipsConfig):
    """Clips or tracks to learn lips from, labeled with all controls."""

    frames: Annotated[int, FRAMES] = key(30, "of a sequence, of which each is learned by itself")
    targets: Annotated[str, Choice(tuple(TARGETS))] = key(
        "own",
        "whose lips are learned: `own`, the clips'; `tracked`, these as a tracker reads them, late, smoothed and "
        "trembling; `expert`, what the articulation in weights/ does to their sounds (the paper's distillation)",
    )


@dataclass
class GoHDLipModelConfig(GoHDModelConfig):
    """The network, and what reads its lips."""

    reader: Annotated[str | None, Name()] = key(
        None, "folder of a trained lip reader, for L_read", unset="without L_read"
    )


@dataclass
class GoHDLipNetworkConfig(GoHDLipModelConfig):
    """Stage 1 by itself."""

    eyes: bool = key(True, "tell it what eyes do, f; else it makes them of the sound alone, and stage 2 is none")


@dataclass
class GoHDLipConfig:
    """All options of stage 1."""

    data: GoHDLipDataConfig = key(GoHDLipDataConfig(), "what is learned from")
    model: GoHDLipNetworkConfig = key(GoHDLipNetworkConfig(), "the networks")
    loss: GoHDLipLossConfig = key(GoHDLipLossConfig(), "what is learned")
    validated: Annotated[int, CLIPS] = key(8, "held-out clips of a validation")
    train: LoopConfig = key(LoopConfig(), "the loop")


@dataclass
class GoHDEyeModelConfig(GoHDLipModelConfig):
    """What stage 2 builds on, which stays as it is."""

    lips: Annotated[str, Name()] = key(MISSING, "folder of a trained stage 1")
    poses: Annotated[str, Name()] = key(MISSING, "folder of trained poses, of which a whole model is made")
    animator: Annotated[str | None, Name()] = key(
        None, "folder of a trained face animator, which draws in that model", unset="a mesh"
    )


@dataclass
class GoHDEyeLossConfig:
    """What stage 2 learns, of normalized expressions (the weights of eq. 25)."""

    ssim: Annotated[float, WEIGHT] = key(2.0, "L_ssim, of 1 - structural similarity over time (eq. 26)")
    eyes: Annotated[float, WEIGHT] = key(2.0, "L_1', of the absolute difference of what eyes and brows do (eq. 27)")
    spread: Annotated[float, SHARE] = key(
        0.0,
        "of half the difference of two draws of z, taken off from L_1': at 1 chance is learned as chance, at 0, the "
        "paper's, as what is most often so",
    )
    heard: Annotated[float, WEIGHT] = key(1.0, "of D_eye, which hears the sound with it")
    motion: Annotated[float, WEIGHT] = key(1.0, "of D_te, of what eyes and brows do")
    expression: Annotated[float, WEIGHT] = key(1.0, "of D_tf, of whole expressions")
    lips: Annotated[float, WEIGHT] = key(1.0, "of stage 1's own loss")


@dataclass
class GoHDEyeDataConfig(SoundClipsConfig):
    """Clips or tracks to learn eyes from, labeled with all controls."""

    frames: Annotated[int, FRAMES] = key(300, "of a sequence; shorter clips are left out")


@dataclass
class GoHDEyeConfig:
    """All options of stage 2."""

    data: GoHDEyeDataConfig = key(GoHDEyeDataConfig(), "what is learned from")
    model: GoHDEyeModelConfig = key(GoHDEyeModelConfig(), "the networks")
    loss: GoHDEyeLossConfig = key(GoHDEyeLossConfig(), "what is learned")
    stage1: GoHDLipLossConfig = key(GoHDLipLossConfig(), "the parts of stage 1's loss")
    discriminator: OptimizerConfig = key(OptimizerConfig(learning_rate=1e-6), "how the three discriminators learn")
    validated: Annotated[int, CLIPS] = key(8, "held-out clips of a validation")
    train: LoopConfig = key(LoopConfig(), "the loop")

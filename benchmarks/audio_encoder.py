"""What a frozen audio encoder tells of real voices: one linear head per layer, fitted to talks, measured on others.

    python benchmarks/audio_encoder.py weights/audio-encoder weights/emo-tiny/audio_encoder \\
        --talkers DIR --voices DIR --measured DIR --aligned DIR

The folders are those of train/audio_encoder.py (docs/emo-tiny.md). For every encoder the same talks, heard as they
are, teach the same heads: ridge regression for the mouth, logistic regression for the sounds. `log-mel` in place of a
folder is the spectrum itself, with no encoder at all. Printed for each layer: share of states in speech whose sound is
told right, r of the mouth, and r of the jaw on synthetic speech.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Wav2Vec2Model

from emo.articulation import SOUNDS
from emo.training.articulation.talks import Talk, read_talks
from emo.training.audio_encoder.figures import Told, as_heard, hidden_states, report
from emo.training.audio_encoder.samples import HELD_OUT, SpeechSamples, StateTimes, log_mel
from emo.training.audio_encoder.talks import lips_at, sounds_at

TIMES = StateTimes(hop=320, field=400)  # of wav2vec 2.0
BINS = 32
SPECTRUM = "log-mel"
HELD_OUT_OF = 10  # as data.held_out
TALKERS, VOICES = 3, 18  # of every so many that are learned from, one teaches the heads
RIDGE = 1e-3  # against features of variance 1
DESCENTS = 40
SECONDS, FITTED, JUDGED = 3.0, 64, 32  # of synthetic utterances

States = Callable[[Tensor], Tensor]  # (1, N) -> (layers, S, width)


def states_of(folder: str) -> States:
    """What is looked at: an encoder's states, or the spectrum as the only layer."""
    if folder == SPECTRUM:
        return lambda waveform: log_mel(waveform, TIMES, BINS)
    encoder = Wav2Vec2Model.from_pretrained(folder, dtype=torch.float32).eval()
    return lambda waveform: torch.cat(hidden_states(encoder, waveform))


def ridge(features: Tensor, targets: Tensor) -> Tensor:
    """Weights (width, outputs) of standardized features (n, width)."""
    square = features.T @ features + RIDGE * len(features) * torch.eye(features.shape[1])
    return torch.linalg.solve(square, features.T @ targets)


def logistic(features: Tensor, labels: Tensor) -> Tensor:
    """Weights (width, classes) by L-BFGS from 0."""
    weights = torch.zeros(features.shape[1], len(SOUNDS), requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=DESCENTS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(features @ weights, labels) + RIDGE * weights.square().mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach()


class Probe:
    """Linear heads on what one encoder makes of talks.

    Args:
        states: of the encoder.
        talkers: with mouths and phones.
        voices: with phones.
    """

    def __init__(self, states: States, talkers: list[Talk], voices: list[Talk]):
        self.states = states
        rows = [states(as_heard(talk, "cpu")) for talk in (*talkers, *voices)]
        centers = [TIMES.centers(len(talk.sound)) for talk in (*talkers, *voices)]
        labels = [sounds_at(talk, times) for talk, times in zip((*talkers, *voices), centers, strict=True)]
        known = torch.from_numpy(np.concatenate(labels))
        lips = torch.from_numpy(np.concatenate([lips_at(t, c)[0] for t, c in zip(talkers, centers, strict=False)]))
        lips = (lips - lips.mean(0)).float()
        self.means, self.deviations, self.sounds, self.lips = [], [], [], []
        for layer in range(len(rows[0])):
            features = torch.cat([row[layer] for row in rows])
            self.means.append(features.mean(0))
            self.deviations.append(features.std(0) + 1e-6)
            features = self.standardized(features, layer)
            self.lips.append(ridge(features[: len(lips)], lips))
            with torch.enable_grad():
                self.sounds.append(logistic(features[known >= 0], known[known >= 0]))

    def standardized(self, features: Tensor, layer: int) -> Tensor:
        """With a column of ones."""
        return F.pad((features - self.means[layer]) / self.deviations[layer], (0, 1), value=1.0)

    def __call__(self, talk: Talk) -> Told:
        layers = [self.standardized(row, i) for i, row in enumerate(self.states(as_heard(talk, "cpu")))]
        heads = {"sounds": self.sounds, "lips": self.lips}
        return {
            name: np.stack([(row @ weights).numpy() for row, weights in zip(layers, head, strict=True)])
            for name, head in heads.items()
        }


def jaw(states: States) -> list[float]:
    """r of the jaw on synthetic utterances in rooms, fitted to some and judged on others, for each layer."""
    samples = SpeechSamples(TIMES, 0, SECONDS, FITTED + JUDGED, BINS, pool=HELD_OUT)
    batches = [samples[number] for number in range(FITTED + JUDGED)]
    target = torch.cat([batch.mouth[0, :, 0] for batch in batches])
    features = torch.cat([states(batch.waveform) for batch in batches], dim=1)
    found = []
    cut = FITTED * len(batches[0].mouth[0])
    for layer in features:
        row = F.pad((layer - layer.mean(0)) / (layer.std(0) + 1e-6), (0, 1), value=1.0)
        guess = row[cut:] @ ridge(row[:cut], target[:cut, None])
        found.append(round(float(np.corrcoef(guess[:, 0], target[cut:])[0, 1]), 4))
    return found


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoders", nargs="+", help=f"folders, or {SPECTRUM}")
    for name in ("talkers", "voices", "measured", "aligned"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--out", type=Path, help="JSON file of all that is printed")
    options = parser.parse_args()
    talks = {name: read_talks(getattr(options, name), f"--{name}") for name in ("voices", "measured", "aligned")}
    clips = [talk for talk in read_talks(options.talkers, "--talkers") if talk.mouth is not None]
    learned = [talk for i, talk in enumerate(clips) if i % HELD_OUT_OF]
    groups = {"kept_aside": clips[::HELD_OUT_OF], "measured": talks["measured"], "aligned": talks["aligned"]}
    found = {}
    for folder in options.encoders:
        states = states_of(folder)
        probe = Probe(states, learned[::TALKERS], talks["voices"][::VOICES])
        found[folder] = {name: report(probe, group, TIMES) for name, group in groups.items()}
        found[folder]["synthetic"] = {"jaw": jaw(states)}
        print(folder, flush=True)
        for group, rows in found[folder].items():
            for name, layers in rows.items():
                print(f"  {group:10} {name:10} {'  '.join(f'{value:.3f}' for value in layers)}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

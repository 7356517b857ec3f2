"""The one loop by which every network here trains, from the paper's stages to the small autoencoder."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, GradientAccumulationPlugin, gather_object, set_seed
from torch import Tensor, nn

from emo.errors import ConfigError, EmoError, GenerationError
from emo.locks import claim_folder
from emo.training.average import AveragedWeights
from emo.training.config import LoopConfig, record_config
from emo.training.folders import tidy, whole_folder
from emo.training.logs import Logs
from emo.training.optimizer import build_optimizer, build_schedule
from emo.training.resume import CHECKPOINTS, find_checkpoint, step_name
from emo.training.signals import StopSignals
from emo.training.state import Checkpoints, Progress, together

VALIDATION = "validation"  # folder of what is shown


class DivergedError(EmoError):
    """The loss or its gradient is no longer a number."""


class Batch(Protocol):
    """What a stage's loader yields: `len(batch)` samples that can move to a device."""

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> "Batch": ...


class Stage(Protocol):
    """What the loop asks of whatever is trained.

    networks: one module with everything that trains; accelerate prepares it. Of what lies in it, that which does not
        train has `requires_grad` false. Everything that requires a gradient must get one in every step.
    batch_size: B, samples per process and batch.
    config: the whole configuration, a dataclass; kept as `config.yaml`.
    """

    networks: nn.Module
    batch_size: int
    config: Any

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Groups for the optimizer, `{"params": [...], "lr": ...}`, of all that requires a gradient."""

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> Iterable[Batch]:
        """This process's batches without end, from the `start_batch`-th on, such as by `emo.data.StepSampler`.

        Batch s of R processes with B samples each holds the samples s·R·B … (s+1)·R·B − 1, process r the r-th B of
        them. Accumulated batches count on like all others. `loader.sample_loader` does the rest.
        """

    def loss(self, networks: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and more scalars to log, for a batch on the networks' device; all are means over the samples.

        networks: the prepared module; only calling it is sure to work when several processes train. All that is
        random must come from the samples' numbers, so that resuming is exact.
        """

    def describe(self, batch: Batch) -> str:
        """What a batch is made of, for the message when it breaks the training."""

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write the result into an empty folder. weights: state dict of `networks`, averaged if the loop averages."""

    def validate(self, networks: nn.Module, folder: Path) -> dict[str, float]:
        """Show what the networks, bare and with averaged weights if there are, can do, as files in an empty folder;
        returns scalars to log, if there are any."""


def make_accelerator(config: LoopConfig) -> Accelerator:
    """Accelerate as configured, with the seed set; precision is `accelerate launch`'s to say if not configured.

    Raises:
        ConfigError: the precision is not to be had here.
    """
    set_seed(config.seed)
    try:
        # A plugin, since `accelerate launch` would override the plain option by its own default.
        accumulation = GradientAccumulationPlugin(num_steps=config.accumulation)
        return Accelerator(mixed_precision=config.mixed_precision, gradient_accumulation_plugin=accumulation)
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"train.mixed_precision={config.mixed_precision}: {error}") from None


def train(stage: Stage, config: LoopConfig, accelerator: Accelerator, resume: str | None = None) -> int:
    """Train to the configured number of steps, or until a signal or `stop_after_seconds` ends this run.

    Below `config.output` it writes `config.yaml`, `checkpoints/step-…`, `validation/step-…`, `log.jsonl`, what
    TensorBoard reads, and at the end `model`, which is what the stage saves.

    Args:
        resume: `None` to start, a checkpoint's folder, or "latest" to go on from the newest one, if there is one.

    Returns:
        Exit status: 0, or 128 + the number of the signal that ended the run.

    Raises:
        ConfigError: an option cannot be used, or a checkpoint is damaged or does not fit.
        OutputError: something cannot be written, or another run is writing there.
        DivergedError: loss or gradient are not finite; the message names step and samples. No weights were changed.
    """
    with ExitStack() as held:
        with together(accelerator):
            if accelerator.is_main_process:
                held.enter_context(claim_folder(config.output))
        return _Run(stage, config, accelerator, resume).run()


class _Run:
    """One run of the loop, and the little it has to remember between steps."""

    def __init__(self, stage: Stage, config: LoopConfig, accelerator: Accelerator, resume: str | None):
        self.stage, self.config, self.accelerator = stage, config, accelerator
        self.output, self.started = Path(config.output), time.monotonic()
        if config.validate_every and accelerator.distributed_type == DistributedType.FSDP:
            raise ConfigError("train.validate_every needs whole networks on one device: set it to 0 with FSDP")
        optimizer = build_optimizer(stage.parameter_groups(config.optimizer.learning_rate), config.optimizer)
        # Not prepared: a prepared schedule advances once per process and step.
        self.schedule = build_schedule(optimizer, config.optimizer, config.steps)
        if accelerator.distributed_type == DistributedType.DEEPSPEED:  # it would ask a prepared loader
            deepspeed = accelerator.state.deepspeed_plugin.deepspeed_config
            deepspeed["train_micro_batch_size_per_gpu"] = stage.batch_size
            deepspeed["gradient_accumulation_steps"] = config.accumulation
            deepspeed["gradient_clipping"] = config.optimizer.max_grad_norm
        self.model, self.optimizer = accelerator.prepare(stage.networks, optimizer)
        self.average = AveragedWeights([p for p in self.model.parameters() if p.requires_grad], config.ema_decay)
        self.progress = Progress()
        self.checkpoints = Checkpoints(
            accelerator, self.model, stage.networks, self.optimizer, self.output / CHECKPOINTS, config.keep_last
        )
        self.checkpoints.register(self.progress, self.schedule, self.average)
        with together(accelerator):
            if accelerator.is_main_process:
                tidy(self.output, "model")
                tidy(self.output / CHECKPOINTS, "step-*")
                tidy(self.output / VALIDATION, "step-*")
        if path := find_checkpoint(self.output, resume):
            self.checkpoints.load(path)

    def run(self) -> int:
        config, progress = self.config, self.progress
        self.model.train()
        with StopSignals() as signals, self._logs() as logs:
            batches = self._batches() if progress.step < config.steps else iter(())
            while progress.step < config.steps:
                late = config.stop_after_seconds and time.monotonic() - self.started > config.stop_after_seconds
                rates = self.schedule.get_last_lr()
                values, stop = self._step(batches, stop=bool(late or signals.received))
                self.schedule.step()
                logs.step(progress.step, values, rates)
                done = progress.step == config.steps
                if stop or done or _every(config.save_every, progress.step):
                    self.checkpoints.save(progress.step)
                if config.validate_every and (done or _every(config.validate_every, progress.step)):
                    self._validate(logs)
                if stop and not done:
                    logs.say(f"stopped at step {progress.step}; go on with --resume latest")
                    return 128 + signals.received if signals.received else 0
                if not done and _every(config.export_every, progress.step):
                    self._export()
            self._export()
            logs.say(f"finished at step {progress.step}: {self.output / 'model'}")
        return 0

    def _logs(self) -> Logs:
        """The logs, and the configuration beside them."""
        with together(self.accelerator):
            logs = Logs(self.output, self.config, self.progress.step, shown=self.accelerator.is_main_process)
            if logs.shown and (changed := record_config(self.stage.config, self.output / "config.yaml")):
                logs.say(f"going on with other settings: {'; '.join(changed)}")
        return logs

    def _batches(self) -> Iterator[Batch]:
        """This process's batches from where the samples seen so far end, also if there are more processes now."""
        processes = self.accelerator.num_processes
        start = self.progress.samples // (processes * self.stage.batch_size)
        return iter(self.stage.loader(start, processes, self.accelerator.process_index))

    def _step(self, batches: Iterator[Batch], *, stop: bool) -> tuple[dict[str, float], bool]:
        """One optimizer step over `accumulation` batches.

        Returns:
            What to log, as means over all processes, and whether any of them wants to stop.

        Raises:
            DivergedError: see `train`.
        """
        began, waited, seen, broken, results = time.monotonic(), 0.0, 0, [], []
        for _ in range(self.config.accumulation):
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            with self.accelerator.accumulate(self.model):
                loss, scalars = self.stage.loss(self.model, batch.to(self.accelerator.device))
                self.accelerator.backward(loss)
            results.append(torch.stack([value.detach().float() for value in (loss, *scalars.values())]))
            broken.append((loss.detach(), self.stage.describe(batch)))
            seen += len(batch)
        limit = self.config.optimizer.max_grad_norm or float("inf")
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), limit)

        # One round of all processes, so that they stop together.
        own = torch.stack(results).mean(dim=0)
        flags = own.new_tensor([waited, float(stop), float(seen)])
        *means, waited, stop, seen = self.accelerator.reduce(torch.cat([own, flags]), reduction="mean").tolist()
        values = dict(zip(("loss", *scalars), means, strict=True))
        values["grad_norm"] = float("nan") if norm is None else float(norm)
        self._check_finite(values, broken, norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.step()
        samples = round(seen * self.accelerator.num_processes)
        self.progress.step += 1
        self.progress.samples += samples
        seconds = time.monotonic() - began
        values["processes"] = self.accelerator.num_processes
        return values | {"samples": samples, "seconds": seconds, "waited": waited}, stop > 0

    def _check_finite(self, values: dict[str, float], broken: list[tuple[Tensor, str]], norm: Tensor | None) -> None:
        """Stop all processes when the loss is not finite, or the gradient where no scaler takes care of that."""
        loss_is_finite = math.isfinite(values["loss"])
        if loss_is_finite and (norm is None or self.accelerator.scaler or math.isfinite(float(norm))):
            return
        named = [name for loss, name in broken if loss_is_finite or not math.isfinite(float(loss))]
        if self.accelerator.num_processes > 1:
            named = gather_object(named)
        what = "gradient" if loss_is_finite else "loss"
        raise DivergedError(
            f"step {self.progress.step + 1}: the {what} is not finite, at {'; '.join(named)}; look at these samples, "
            "lower train.optimizer.learning_rate, or go on from the last checkpoint with --resume latest"
        )

    def _validate(self, logs: Logs) -> None:
        with self.average.applied(), together(self.accelerator):
            if self.accelerator.is_main_process:
                networks = self.stage.networks.eval()
                half = self.accelerator.mixed_precision == "fp16"  # in which Stable Diffusion's decoder overflows
                try:
                    with (
                        whole_folder(self.output / VALIDATION / step_name(self.progress.step)) as folder,
                        torch.no_grad(),
                        nullcontext() if half else self.accelerator.autocast(),
                    ):
                        logs.validation(self.progress.step, self.stage.validate(networks, folder))
                except GenerationError as error:  # the training itself is looked after by its loss
                    logs.say(f"no validation at step {self.progress.step}: {error}")
                networks.train()

    def _export(self) -> None:
        """Write what the stage makes of the weights, averaged ones if there are."""
        with self.average.applied():
            weights = self.checkpoints.weights()
            with together(self.accelerator):
                if self.accelerator.is_main_process:
                    with whole_folder(self.output / "model") as folder:
                        self.stage.save(folder, weights)


def _every(interval: int, step: int) -> bool:
    return interval > 0 and step % interval == 0

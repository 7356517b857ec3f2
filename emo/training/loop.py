"""The one loop by which every network here trains, from the paper's stages to the small autoencoder."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, GradientAccumulationPlugin, set_seed
from torch import nn

from emo.errors import ConfigError, GenerationError
from emo.locks import claim_folder
from emo.training.average import AveragedWeights
from emo.training.config import LoopConfig, record_config
from emo.training.folders import tidy, whole_folder
from emo.training.logs import Logs
from emo.training.optimizer import build_optimizer, build_schedule
from emo.training.resume import CHECKPOINTS, find_checkpoint, step_name
from emo.training.signals import StopSignals
from emo.training.stage import Stage
from emo.training.state import Checkpoints, Progress, together
from emo.training.step import PreparedOptimizer, TrainingStep

VALIDATION = "validation"  # folder of what is shown


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


def train(stage: Stage[Any, Any], config: LoopConfig, accelerator: Accelerator, resume: str | None = None) -> int:
    """Train to the configured number of steps, or until a signal or `stop_after_seconds` ends this run.

    Below `config.output` it writes `config.yaml`, `checkpoints/step-...`, `validation/step-...`, `log.jsonl`, what
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

    def __init__(self, stage: Stage[Any, Any], config: LoopConfig, accelerator: Accelerator, resume: str | None):
        self.stage = stage
        self.config = config
        self.accelerator = accelerator
        self.output = Path(config.output)
        self.started = time.monotonic()
        if config.validate_every and accelerator.distributed_type == DistributedType.FSDP:
            raise ConfigError("train.validate_every needs whole networks on one device: set it to 0 with FSDP")
        names = [name for name, _ in stage.networks.named_parameters()]
        asked = stage.optimizers(config.optimizer)
        built = {name: build_optimizer(each.groups, each.config) for name, each in asked.items()}
        # Not prepared: a prepared schedule advances once per process and step.
        self.schedules = {
            name: build_schedule(optimizer, asked[name].config, config.steps) for name, optimizer in built.items()
        }
        if accelerator.distributed_type == DistributedType.DEEPSPEED:  # it would ask a prepared loader
            if len(built) > 1:
                raise ConfigError("DeepSpeed takes one optimizer, and this training has several: use another launcher")
            assert accelerator.state.deepspeed_plugin is not None
            deepspeed = accelerator.state.deepspeed_plugin.deepspeed_config
            deepspeed["train_micro_batch_size_per_gpu"] = stage.batch_size
            deepspeed["gradient_accumulation_steps"] = config.accumulation
            deepspeed["gradient_clipping"] = config.optimizer.max_grad_norm
        if len(built) > 1:  # where networks learn in turns, not all get a gradient each time
            unused = DistributedDataParallelKwargs(find_unused_parameters=True)
            accelerator.ddp_handler = unused  # pyright: ignore[reportAttributeAccessIssue] (declared as None)
        self.model, *optimizers = accelerator.prepare(stage.networks, *built.values())
        self.optimizers = {
            name: PreparedOptimizer(optimizer, self._parameters(optimizer), asked[name].config.max_grad_norm)
            for name, optimizer in zip(asked, optimizers, strict=True)
        }
        named = zip(names, self.model.parameters(), strict=True)
        averaged = [parameter for name, parameter in named if parameter.requires_grad and stage.averages(name)]
        self.average = AveragedWeights(averaged, config.ema_decay)
        self.progress = Progress()
        self.checkpoints = Checkpoints(
            accelerator, self.model, stage.networks, optimizers, self.output / CHECKPOINTS, config.keep_last
        )
        self.checkpoints.register(self.progress, *self.schedules.values(), self.average)
        with together(accelerator):
            if accelerator.is_main_process:
                tidy(self.output, "model")
                tidy(self.output / CHECKPOINTS, "step-*")
                tidy(self.output / VALIDATION, "step-*")
        if path := find_checkpoint(self.output, resume):
            self.checkpoints.load(path)

    def run(self) -> int:
        config = self.config
        progress = self.progress
        self.model.train()
        with StopSignals() as signals, self._logs() as logs:
            batches = self._batches() if progress.step < config.steps else iter(())
            while progress.step < config.steps:
                late = config.stop_after_seconds and time.monotonic() - self.started > config.stop_after_seconds
                rates = self._rates()
                values, stop = self._step(batches, stop=bool(late or signals.received))
                for schedule in self.schedules.values():
                    schedule.step()
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

    def _batches(self) -> Iterator[Any]:
        """This process's batches from where the samples seen so far end, also if there are more processes now."""
        processes = self.accelerator.num_processes
        start = self.progress.samples // (processes * self.stage.batch_size)
        return iter(self.stage.loader(start, processes, self.accelerator.process_index))

    def _step(self, batches: Iterator[Any], *, stop: bool) -> tuple[dict[str, float], bool]:
        """One step over `accumulation` batches.

        Returns:
            What to log, as means over all processes, and whether any of them wants to stop.

        Raises:
            DivergedError: see `train`.
        """
        began = time.monotonic()
        step = TrainingStep(
            self.accelerator,
            self.stage,
            self.model,
            self.optimizers,
            batches,
            number=self.progress.step + 1,
            accumulation=self.config.accumulation,
            stop=stop,
        )
        self.stage.step(step)
        self.average.step()
        self.progress.step += 1
        self.progress.samples += int(step.values["samples"])
        more = {"processes": self.accelerator.num_processes, "seconds": time.monotonic() - began}
        return step.values | more, step.stop

    def _rates(self) -> dict[str, float]:
        """The learning rates of all optimizers' groups, to log."""
        rates = {}
        for name, schedule in self.schedules.items():
            prefix = f"{name}/" if rates else ""
            values = enumerate(schedule.get_last_lr())
            rates |= {f"{prefix}lr_{i}" if i else f"{prefix}lr": value for i, value in values}
        return rates

    def _parameters(self, optimizer: AcceleratedOptimizer) -> list[nn.Parameter]:
        """Of the prepared networks, those that an optimizer changes, in the networks' order; all for the only one, by
        which FSDP knows its own."""
        if len(self.schedules) == 1:
            return list(self.model.parameters())
        own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        return [parameter for parameter in self.model.parameters() if id(parameter) in own]

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

"""What lies beside an unfinished output, so that an interrupted generation continues as if nothing had happened."""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from emo.errors import ResumeError, Setting
from emo.files import write_whole
from emo.generation.clip import ClipState

GENERATOR = "generator_state"  # among the tensors of the file
RESTART = Setting("restart", True)


@dataclass(frozen=True)
class ResumePoint:
    """One interrupted generation.

    Attributes:
        state: where the next clip starts; with its `next_clip`, how far the video is.
        position: bytes of finished video in the spool.
        fingerprint: what the frames depend on, by name; see `emo.generation.fingerprint`.
    """

    state: ClipState
    position: int
    fingerprint: dict[str, str]

    def save(self, path: Path) -> None:
        """Write atomically, as one safetensors file.

        Raises:
            OutputError: the disk is full or not writable; what was saved before stays.
        """
        tensors = {name: tensor.contiguous() for name, tensor in self.state.tensors.items()}
        if self.state.generator_state is not None:
            tensors[GENERATOR] = self.state.generator_state
        header = {"next_clip": self.state.next_clip, "position": self.position, "fingerprint": self.fingerprint}
        write_whole(path, save(tensors, metadata={"emo": json.dumps(header)}))

    @classmethod
    def load(cls, path: Path) -> "ResumePoint":
        """Read back.

        Raises:
            ResumeError: the file is damaged.
        """
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads(file.metadata()["emo"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            generator_state = tensors.pop(GENERATOR, None)
            state = ClipState(header["next_clip"], tensors, generator_state)
            return cls(state, header["position"], header["fingerprint"])
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise ResumeError(f"{path}: damaged ({error})", remedy="start anew with {}", setting=RESTART) from None

    def check(self, path: Path, current: dict[str, str]) -> None:
        """Make sure that model, inputs and options are those of the interrupted run.

        Raises:
            ResumeError: they are not; the message names what differs.
        """
        if changed := [key for key in current if current[key] != self.fingerprint.get(key)]:
            raise ResumeError(
                f"{path}: the unfinished video was made with other settings ({', '.join(changed)})",
                remedy="repeat it as it was, or start anew with {}",
                setting=RESTART,
            )

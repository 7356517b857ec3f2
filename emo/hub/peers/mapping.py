"""Where each tensor of another's networks goes in ours, by rules, with every tensor of both sides accounted for."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from emo.errors import WeightsError

Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Rule:
    """What happens to the tensors of a source whose whole names match; the first rule that matches counts.

    Attributes:
        names: regular expression.
        targets: where they go, with groups of `names`; to nowhere where this is empty.
        change: of the tensor on its way; none by default.
        why: they are left out, for people.
    """

    names: str
    targets: tuple[str, ...] = ()
    change: Change | None = None
    why: str = ""


@dataclass(frozen=True)
class New:
    """Tensors of ours that no source has.

    Attributes:
        names: regular expression, of whole names.
        what: they are, for people.
    """

    names: str
    what: str


class Copy(NamedTuple):
    """One tensor's way.

    Attributes:
        source, target: names.
        change: as of a `Rule`.
    """

    source: str
    target: str
    change: Change | None


@dataclass
class Account:
    """All tensors of a source and of ours, each in one place but for sources that go to several targets.

    Attributes:
        taken: what is copied.
        new: names of ours by what they are.
        left: names of the source by why they are left out.
    """

    taken: list[Copy] = field(default_factory=list)
    new: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    left: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def account_for(
    source: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], rules: Sequence[Rule], new: Sequence[New]
) -> Account:
    """Plan the copy of `source` into `own`, by names and shapes alone: tensors may be on the meta device.

    Raises:
        WeightsError: a tensor of the source is known to no rule or has no place, a shape differs, or one of ours is
            neither filled nor new.
    """
    account = Account()
    filled: set[str] = set()
    for name, tensor in source.items():
        rule, match = _rule_of(name, rules)
        if not rule.targets:
            account.left[rule.why].append(name)
        for template in rule.targets:
            target = match.expand(template)
            if target not in own:
                raise WeightsError(f"{name}: its place here would be {target}, which this model has not")
            came = tensor.to("meta") if rule.change is None else rule.change(tensor.to("meta"))
            if came.shape != own[target].shape:
                raise WeightsError(
                    f"{name} has shape {tuple(tensor.shape)}, but {target} needs {tuple(own[target].shape)}"
                    + ("" if rule.change is None else f" and would get {tuple(came.shape)}")
                )
            account.taken.append(Copy(name, target, rule.change))
            filled.add(target)
    for name in sorted(own.keys() - filled):
        known = next((kind for kind in new if re.fullmatch(kind.names, name)), None)
        if known is None:
            raise WeightsError(f"the source has nothing for {name}; its files are incomplete")
        account.new[known.what].append(name)
    return account


def copy_tensors(account: Account, source: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> None:
    """Do what an account says, in place, one tensor at a time."""
    for name, target, change in account.taken:
        tensor = source[name].to(own[target].dtype)
        own[target].copy_(tensor if change is None else change(tensor))


def _rule_of(name: str, rules: Sequence[Rule]) -> tuple[Rule, re.Match[str]]:
    """The first rule that matches a name."""
    for rule in rules:
        if match := re.fullmatch(rule.names, name):
            return rule, match
    raise WeightsError(f"{name}: a tensor of this name is not known; are these the networks of another version?")

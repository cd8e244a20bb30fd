"""Where rules are listed, and what they compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sdl.verifier.books import TINY_UL
from sdl.verifier.scene import Act, Kind, Scene

Check = Callable[[Scene, Act], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: the interlock it serves, the kinds of act it judges, and the judgement."""

    name: str
    interlock: str
    kinds: tuple[Kind, ...]
    check: Check


RULES: dict[str, Rule] = {}
"""Every rule by name; `sdl.verifier.verify` applies all of them."""


def rule(interlock: str, *kinds: Kind) -> Callable[[Check], Check]:
    """List the function below as a rule of ``interlock`` for acts of ``kinds``."""

    def listed(check: Check) -> Check:
        name = check.__name__
        assert name not in RULES, name
        RULES[name] = Rule(name=name, interlock=interlock, kinds=kinds, check=check)
        return check

    return listed


def above(value: float, most: float) -> bool:
    """Say whether ``value`` is above ``most`` by more than rounding."""
    return value > most + TINY_UL

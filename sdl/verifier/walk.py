"""The walk: every command in order, every rule at every act, every violation kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sdl.errors import Unsafe
from sdl.verifier.bench import Approval, Bench
from sdl.verifier.fingerprint import command_hash
from sdl.verifier.rules import RULES, Rule
from sdl.verifier.scene import Act, Scene

MANY = 50
"""After so many violations the rest follows from them, and the walk ends (chosen)."""


def verify(commands: Sequence[Mapping[str, Any]], bench: Bench) -> Approval:
    """Approve ``commands`` on ``bench``, or raise `Unsafe` with every violation: where, how much, limit and cure."""
    scene = Scene(bench)
    violations = judge(commands, scene, RULES.values())
    if violations:
        text = "\n".join(violations)
        raise Unsafe(f"the verifier refuses this list, {len(violations)} violation(s):\n{text}")
    filled = [well for well in scene.wells if well.received_ul and not well.vessel.drains]
    return Approval(
        sha256=command_hash(commands),
        wells={well.location: well.liquid() for well in filled},
        received_ul={well.location: well.received_ul for well in filled},
        received_umol={well.location: well.received_umol for well in filled},
        stocks_left={w.location: w.volume_ul for w in scene.wells if w.drawn and not w.received_ul},
        tips_used={rack: tuple(tips) for rack, tips in scene.tips_used.items()},
        waste_ul=scene.waste_ul,
    )


def judge(commands: Sequence[Mapping[str, Any]], scene: Scene, rules: Iterable[Rule]) -> list[str]:
    """Walk ``scene`` through ``commands`` and return every violation of ``rules``; after `MANY` the walk ends."""
    by_kind: dict[str, list[Rule]] = {}
    for rule in rules:
        for kind in rule.kinds:
            by_kind.setdefault(kind, []).append(rule)
    violations: list[str] = []

    def hold(where: str, act: Act) -> None:
        for rule in by_kind.get(act.kind, ()):
            violations.extend(f"{where}: {text} [{rule.interlock}]" for text in rule.check(scene, act))

    hold("before the first command", Act(kind="begin"))
    for number, command in enumerate(commands):
        if act := scene.advance(number, command):
            hold(f"#{number} {command.get('commandType')}", act)
        if len(violations) >= MANY:
            return violations
    hold("at the end", Act(kind="end"))
    return violations

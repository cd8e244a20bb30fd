"""The page on safety names every interlock that has a rule or a check, and no other."""

from __future__ import annotations

import re

from sdl.attempt.interlocks import CHECKS
from sdl.verifier.rules import RULES
from tests.benches import ROOT


def test_the_page_says_for_every_interlock_who_looks() -> None:
    text = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (I\d+) \| [^|]+ \|([^|]*)\|([^|]*)\|$", text, re.MULTILINE)
    assert {number for number, ours, _ in table if ours.strip()} == {rule.interlock for rule in RULES.values()}
    assert {number for number, _, ours in table if ours.strip()} == {check.interlock for check in CHECKS.values()}
    assert [number for number, *_ in table] == [f"I{n}" for n in range(1, 27)]

"""Every interlock of column B approves what reaches its limit and refuses what is beyond; no rule of it is idle."""

from __future__ import annotations

from collections import Counter

import pytest

from sdl.errors import Unsafe
from sdl.verifier import verify
from sdl.verifier.rules import RULES
from sdl.verifier.scene import Scene
from sdl.verifier.walk import judge
from tests.verifier.conftest import base
from tests.verifier.mutations import NEGATIVE, POSITIVE, Case, Mutate

COLUMN_B = [*(f"I{n}" for n in range(1, 18)), "I20", "I21", "I25", "I26"]
"""The interlocks that are the verifier's own (reliability notes, section 5)."""


def first_of(rule: str) -> Case:
    return next(case for case in NEGATIVE if case.rule == rule)


@pytest.mark.parametrize(
    ("interlock", "name", "mutate"), POSITIVE, ids=[f"{interlock} within its limit" for interlock, _, _ in POSITIVE]
)
def test_what_reaches_a_limit_and_no_more_is_approved(interlock: str, name: str, mutate: Mutate) -> None:
    commands, bench = base(name)
    assert len(verify(commands, mutate(commands, bench) or bench).sha256) == 64


@pytest.mark.parametrize("case", NEGATIVE, ids=[f"{case.interlock} {case.name}" for case in NEGATIVE])
def test_what_breaks_a_rule_is_refused_by_that_rules_own_words(case: Case) -> None:
    commands, bench = base(case.base)
    with pytest.raises(Unsafe, match=rf"{case.says}.*\[{case.interlock}\]"):
        verify(commands, case.mutate(commands, bench) or bench)


@pytest.mark.parametrize("rule", RULES)
def test_without_the_rule_its_refusal_is_lost(rule: str) -> None:
    """Drop each rule in turn: if nothing were missed then, the rule would be dead."""
    case = first_of(rule)
    commands, bench = base(case.base)
    bench = case.mutate(commands, bench) or bench
    whole = judge(commands, Scene(bench), RULES.values())
    rest = judge(commands, Scene(bench), [r for r in RULES.values() if r.name != rule])
    assert len(rest) < len(whole)
    missed = set(whole) - set(rest)
    assert missed and all(text.endswith(f"[{RULES[rule].interlock}]") for text in missed)


def test_every_interlock_of_column_b_has_a_rule_one_positive_and_three_negatives() -> None:
    assert {rule.interlock for rule in RULES.values()} == set(COLUMN_B)
    assert [interlock for interlock, _, _ in POSITIVE] == COLUMN_B
    count = Counter(case.interlock for case in NEGATIVE)
    assert {interlock: n for interlock, n in count.items() if n < 3} == {} and set(count) == set(COLUMN_B)
    assert {case.rule for case in NEGATIVE} == set(RULES)
    assert all(RULES[case.rule].interlock == case.interlock for case in NEGATIVE)

"""What a campaign should hear after each batch: how likely its target can be reached, drift, and when to give up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.control import alarms
from sdl.campaign import Budget, Campaign
from sdl.store import Experiment

DOUBT = 0.5
"""P(reachable) below which it is said, long before it stops anything (chosen)."""


EVIDENCE = 16
"""Readings of every bounded goal below which nothing is given up (chosen: two batches of the built-in lab; see
``benchmarks/stopping.py``)."""

SPAN = 8
"""Readings over which every look must agree (chosen: one batch of the built-in lab)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is new since the last batch, in words; ``hopeless`` says why to stop, "" for going on."""

    news: tuple[str, ...]
    hopeless: str

    @classmethod
    def of(cls, campaign: Campaign, experiments: Sequence[Experiment], told: Sequence[Mapping[str, Any]]) -> Verdict:
        """Judge by the diagnoses ``told`` after each batch, oldest first.

        Nothing is out of reach that was hit once, nor by one look alone (`lost`). Of a palette the campaign goes on
        while one target that lacks hits is within reach.
        """
        now: Mapping[str, Any] = told[-1] if told else {}
        prospects = [batch["prospects"] for batch in told if batch.get("prospects")]
        seen = [e.features.plain for e in experiments if e.state == "measured"]
        hit = {target.name for target in campaign.target.each if any(target.hit(values) for values in seen)}
        sure = [c.get("target", "") for c in now.get("confirmed", ())]
        lacking = [t.name for t in campaign.target.each if sure.count(t.name) < campaign.budget.confirmed_hits]
        given_up = {
            name: text for name, text in lost(prospects, campaign.budget).items() if name not in hit and name in lacking
        }
        doubts = [_doubt(p) for p in now.get("prospects", ()) if p["p_reachable"] < DOUBT and p["target"] in lacking]
        before = alarms(told[-2].get("control", {})) if len(told) > 1 else []
        drift = [text for text in alarms(now.get("control", {})) if text not in before]
        why = "; ".join(given_up.values()) if lacking and len(given_up) == len(lacking) else ""
        how = "write give_up: never under budget to spend the rest all the same"
        return cls(news=(*doubts, *drift), hopeless=f"stopped: {why}; {how}" if why else "")


def lost(told: Sequence[Sequence[Mapping[str, Any]]], budget: Budget) -> dict[str, str]:
    """Return why each target is given up, by its name; ``told`` are the prospects after each batch, oldest first.

    Every look of the last `SPAN` readings must say so, two at least.
    """
    found = {}
    for now in told[-1] if told else ():
        mine = [p for batch in told for p in batch if p["target"] == now["target"]]
        since = mine[-2:] + [p for p in mine[:-2] if p["readings"] >= now["readings"] - SPAN]
        if now["readings"] >= EVIDENCE and len(since) > 1 and all(_why(p, budget) for p in since):
            found[now["target"]] = _why(now, budget)
    return found


def _why(prospect: Mapping[str, Any], budget: Budget) -> str:
    named = f" {prospect['target']}" if prospect["target"] else ""
    if 1.0 - prospect["p_reachable"] >= budget.give_up:
        certainty = f"{1.0 - prospect['p_reachable']:.1%}"
        return f"the target{named} is out of reach with {certainty} certainty: {prospect['barrier']}"
    if prospect["rate"] * budget.tries < 1.0:
        return (
            f"a hit{named} costs more than it is worth: even the best recipe would hit in {prospect['rate']:.1%} of "
            f"tries, 1 in {budget.tries:g} is asked for"
        )
    return ""


def _doubt(prospect: Mapping[str, Any]) -> str:
    named = f" {prospect['target']}" if prospect["target"] else ""
    return (
        f"the target{named} can be reached with a probability of {prospect['p_reachable']:.0%}: {prospect['barrier']}"
    )

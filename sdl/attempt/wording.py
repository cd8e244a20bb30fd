"""Rows as the store keeps them: campaigns, recipes and suggestions as JSON, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from sdl.campaign import Campaign
from sdl.chemistry.recipe import Recipe
from sdl.target import Target


def campaign_json(campaign: Campaign) -> dict[str, Any]:
    """Return what the report must know of a campaign; infinite bounds become null."""
    parameters = [
        {"name": p.name, "low": p.low, "high": p.high, "choices": list(p.choices), "scope": p.scope}
        for p in campaign.parameters
    ]
    stocks = {
        name: {
            "contains": dict(s.contains),
            "solvent": s.solvent,
            "volume_ul": s.volume_ul,
            "at": list(s.at),
            "lot": s.lot,
            "made": s.made,
            "max_age_h": _finite(s.max_age_h),
        }
        for name, s in campaign.stocks.items()
    }
    return {
        "name": campaign.name,
        "why": campaign.why,
        "route": campaign.route,
        "synthesis": "" if campaign.synthesis is None else sha256(repr(campaign.synthesis).encode()).hexdigest(),
        "target": _goals_json(campaign.target),
        **({"palette": {t.name: _goals_json(t) for t in campaign.target.each}} if campaign.target.others else {}),
        "parameters": parameters,
        "constraints": list(campaign.constraints),
        "budget": {
            "experiments": campaign.budget.experiments,
            "batch": campaign.budget.batch,
            "confirmed_hits": campaign.budget.confirmed_hits,
            "give_up": _finite(campaign.budget.give_up),
            "tries": _finite(campaign.budget.tries),
            "sentinel": campaign.budget.sentinel,
        },
        "seed": campaign.seed,
        "approval": campaign.approval,
        "file": campaign.file,
        "stocks": stocks,
        "lab": campaign.lab.name if campaign.lab else "",
        **({"prices": asdict(campaign.prices)} if campaign.prices else {}),
    }


def _goals_json(target: Target) -> dict[str, Any]:
    """Return the goals of one target, most important first."""
    return {
        name: {
            "kind": goal.kind,
            "wanted": goal.wanted,
            "low": _finite(goal.low),
            "high": _finite(goal.high),
            "source": goal.source,
            **({"traded": True} if goal.traded else {}),
        }
        for name, goal in target.goals.items()
    }


def recipe_json(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain JSON: transfers in order of addition, total, times."""
    transfers = [
        {"stock": t.stock, "volume_ul": t.volume_ul, "at_s": t.at_s, "action": t.action} for t in recipe.transfers
    ]
    return {
        "transfers": transfers,
        "total_ul": round(recipe.total_ul, 3),
        "temperature_c": recipe.temperature_c,
        "growth_time_s": recipe.growth_time_s,
        "read_s": list(recipe.read_s),
        "moles_umol": dict(recipe.moles_umol),
        "dilutions": [
            {"name": d.name, "stock": d.stock, "medium": d.medium, "factor": d.factor} for d in recipe.dilutions
        ],
        "manual": list(recipe.manual),
    }


def suggestion_json(suggestion: Any) -> dict[str, Any]:
    """Return a suggestion of the models' room as plain JSON."""
    expected = {
        name: {"mean": e.mean, "sd": e.sd, "low": e.low, "high": e.high} for name, e in suggestion.expected.items()
    }
    return {
        "design": dict(suggestion.design),
        "kind": suggestion.kind,
        "why": suggestion.why,
        "expected": expected,
        "p_hit": suggestion.p_hit,
        "acquisition": suggestion.acquisition,
        "model": suggestion.model,
        **({"target": suggestion.target} if suggestion.target else {}),
    }


def without_infinities(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document whose infinite numbers are null, as JSON has none."""
    return {k: _finite(v) if isinstance(v, float) else v for k, v in document.items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

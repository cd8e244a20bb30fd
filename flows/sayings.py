"""Rehearsals and backtests in words a chemist reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdl.units import label_of, unit_of

_CALLED = {
    "model": "with the model",
    "sobol": "filling the space evenly (Sobol)",
    "random": "choosing at random",
}


def rehearsal_in_words(document: Mapping[str, Any]) -> str:
    """Say what the rehearsed campaigns needed."""
    off = document["kinetics_rsd"]
    beside = f", each with other lots and rate constants {off:.0%} off" if off is not None else ""
    lines = [f"{document['campaign']}: {document['runs']} campaigns rehearsed on {document['ground']}{beside}."]
    for name, s in document["strategies"].items():
        lines += ["", f"{_CALLED[name]}:"]
        lines.append(f"  first hit after       {_when(s['first_hit'], document['budget'])}")
        lines.append(f"  first confirmed hit   {_when(s['confirmed'], document['budget'])}")
        lines.append(f"  target reached in {s['p_reached']:.0%} of campaigns, a hit seen in {s['p_hit']:.0%}")
        plates = f", plates {_span(s['plates'])}" if s["plates"] else ""
        lines.append(f"  experiments {_span(s['experiments'])}{plates}")
        if s["hours"]["high"] > 0:
            lines.append(f"  robot hours {_span(s['hours'])}, tip racks {_span(s['tip_racks'])}")
            lines.append(f"  waste {_span(s['waste_ml'])} mL; " + _stocks(s["stocks_ml"]))
        if s["coverage"] is not None:
            lines.append(
                f"  calibration: 95 % intervals held {s['coverage']:.0%}; P(hit) summed to {s['expected_hits']:.0f} "
                f"hits, {s['modelled_hits']} came"
            )
    return "\n".join([*lines, "Numbers are medians, in brackets 90 % of the rehearsed campaigns."])


def _stocks(spans: Mapping[str, Mapping[str, float]]) -> str:
    return ", ".join(f"{name} {s['median']:.3g} mL" for name, s in spans.items())


def _span(s: Mapping[str, float]) -> str:
    return f"{s['median']:.3g} [{s['low']:.3g} .. {s['high']:.3g}]"


def _when(s: Mapping[str, float | None], budget: int) -> str:
    def said(n: float | None) -> str:
        return f"{n:.0f}" if n is not None else f"more than {budget}"

    return f"{said(s['median'])} [{said(s['low'])} .. {said(s['high'])}] experiments"


def backtest_in_words(document: Mapping[str, Any]) -> str:
    """Say how soon each strategy found what the table holds."""
    name, unit = label_of(document["feature"]), unit_of(document["feature"])
    lines = [
        f"{document['campaign']}: replayed on {document['pool']} different past designs, {document['hits_in_pool']} of "
        f"which hit the target; {document['budget']} experiments in batches of {document['batch']}, "
        f"{document['seeds']} repeats."
    ]
    if not document["hits_in_pool"]:
        lines.append(
            "No past experiment meets the target, so only the nearest can be found. Ask with a wider --target to "
            "compare who finds hits."
        )
    for strategy, s in document["strategies"].items():
        lines += ["", f"{_CALLED[strategy]}:"]
        if document["hits_in_pool"]:
            lines.append(
                f"  first hit after {_when(s['first_hit'], document['budget'])}, found by {s['found_one']:.0%}"
            )
            lines.append(f"  hits {_span(s['hits'])}")
        if s["best_miss"]:
            lines.append(f"  nearest {name} misses by {_span(s['best_miss'])} {unit}".rstrip())
    return "\n".join([*lines, "Numbers are medians, in brackets 90 % of the repeats."])

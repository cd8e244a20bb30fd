"""How the report writes quantities and sentences: units a chemist reads, as many digits as are known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdl.spectra.types import Value
from sdl.target import Goal, Target
from sdl.units import label_of, unit_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How one quantity is shown: its label, its unit on paper, and the factor from the internal unit to that."""

    label: str
    unit: str
    factor: float = 1.0

    @property
    def axis(self) -> str:
        """The title of an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


_UNITS = {"s": ("min", 1 / 60), "degC": ("°C", 1.0), "uL": ("µL", 1.0), "umol": ("µmol", 1.0), "mmol/L": ("mM", 1.0)}


def shown(name: str) -> Shown:
    """Return how the quantity with internal ``name`` is shown."""
    if name == "plqy":
        return Shown(label="PLQY", unit="%", factor=100.0)
    unit = unit_of(name)
    on_paper, factor = _UNITS.get(unit, (unit, 1.0))
    return Shown(label=label_of(name), unit=on_paper, factor=factor)


def number(value: float, digits: int = 4) -> str:
    """Write a number with ``digits`` significant ones, without an exponent where a person would write none."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text else text.replace("-", "−")


def amount(name: str, value: float | str | None) -> str:
    """Write a value of the quantity ``name`` with its unit; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    how = shown(name)
    return f"{number(value * how.factor)} {how.unit}".rstrip()


def with_sd(name: str, value: float | None, sd: float | None) -> str:
    """Write value ± sd in the shown unit, rounded to two digits of the sd; a dash where there is none."""
    if value is None:
        return "–"
    if not sd:
        return number(value * shown(name).factor)
    factor = shown(name).factor
    places = min(3, max(0, 1 - math.floor(math.log10(sd * factor))))
    return f"{value * factor:.{places}f} ± {sd * factor:.{places}f}"


def reading(name: str, value: Value | None) -> str:
    """Write a measured value ± its sd; a dash where it is missing."""
    return "–" if value is None else with_sd(name, value.value, value.sd)


def duration(seconds: float) -> str:
    """Write a time as one acts by it: seconds, or minutes and seconds."""
    whole = round(abs(seconds))
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"


def share(probability: float | None) -> str:
    """Write a probability; never 100 %, which nobody knows."""
    if probability is None:
        return "–"
    return (
        "> 99 %" if probability > 0.99 else "< 1 %" if probability < 0.01 else f"{probability:.0%}".replace("%", " %")
    )


def wanted(name: str, goal: Goal) -> str:
    """Say what is aimed at."""
    if goal.wanted is not None:
        return f"{amount(name, goal.wanted)}"
    return {"minimize": "as low as possible", "maximize": "as high as possible"}.get(goal.kind, "anywhere inside")


def bounds(name: str, goal: Goal) -> str:
    """Say what counts as a hit."""
    low, high = math.isfinite(goal.low), math.isfinite(goal.high)
    if low and high:
        how = shown(name)
        return f"{number(goal.low * how.factor)} to {amount(name, goal.high)}"
    if not low and not high:
        return "no bound"
    return f"above {amount(name, goal.low)}" if low else f"below {amount(name, goal.high)}"


def target_in_words(goals: Mapping[str, Goal]) -> str:
    """Say the whole target in one line."""
    said = []
    for name, goal in goals.items():
        if goal.wanted is not None:
            within = amount(name, goal.high - goal.wanted) if math.isfinite(goal.high) else "no bound"
            said.append(f"{shown(name).label} {amount(name, goal.wanted)} within {within}")
        else:
            said.append(
                f"{shown(name).label} {bounds(name, goal)}"
                if goal.bounded
                else f"{shown(name).label} {wanted(name, goal)}"
            )
    return "; ".join(said)


def palette_in_words(targets: Sequence[Target]) -> str:
    """Say a palette in one line: what its targets are, then what they have in common."""
    if len(targets) < 2:
        return target_in_words(targets[0].goals) if targets else ""
    first = targets[0].goals
    common = {n: g for n, g in first.items() if all(t.goals[n] == g for t in targets)}
    own = [target_in_words({n: g for n, g in t.goals.items() if n not in common}) for t in targets]
    return f"{' / '.join(own)}; each with {target_in_words(common)}" if common else " / ".join(own)


def plural(n: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


FLAGS = {
    "timing": "a timed step came outside its window; the true times were used",
    "od_low": "absorbance at 365 nm below 0.1: PLQY with a larger error, since so little light is absorbed",
    "od_high": "absorbance at 365 nm above 0.2: PLQY corrected for it; above 0.5: no PLQY",
    "cut_off": "the emission runs out of the window",
    "misfit": "the emission is not one smooth peak",
    "no_exciton": "no first exciton seen",
    "noisy": "first exciton barely above the noise",
    "saturated": "detector near its full well: these pixels were not used",
    "weak_pl": "PL too weak to fit",
    "reabsorption": "own absorption reaches the emission: corrected, with a larger sd",
    "reabsorption_unknown": "own absorption unknown: emission not corrected for it",
    "turbid": "the sample scatters light",
    "bubble": "bubble or drop in the cell: read not interpreted",
    "no_blank": "no blank before this read",
    "no_dark": "no dark before this read",
    "no_light": "hardly any light through the cell",
    "no_absorption": "no absorption spectrum",
    "no_pl": "no PL spectrum",
    "no_od": "absorbance at the excitation unknown: no PLQY",
    "bad_dye": "reference dye could not be read: no PLQY",
    "pl_from_absorption": "PL peak estimated from X1, not measured",
    "mixture": "X1 and X2 do not belong to one size: a mixture",
    "size_extrapolated": "outside the sizes of the sizing curve",
    "sparse": "too few usable pixels",
}
"""What the flags of reads and wells mean; others are shown as they are."""


def flag_in_words(flag: str) -> str:
    """Say what a flag means."""
    return FLAGS.get(flag, flag.replace("_", " "))

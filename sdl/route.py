"""What a synthesis is: reagents added in order, how each amount is set, how long things grow, and where that is from.

A route says nothing about pipettes, stocks' strengths or decks; the compiler brings those together. Time zero is the
one step that injects; the steps before it are untimed, and `Hold` steps make time pass after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sdl.errors import Refused
from sdl.space import Scope, When

By = str | float
"""What sets an amount or a time: the name of a parameter, or a fixed number in the unit of the amount."""

Addition = Literal["dispense", "inject", "add", "quench"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteParameter:
    """What may vary: hard limits or choices, the published value, and whether wells of a block share it.

    A choice that names the reagent of a step names a stock. ``when`` makes a parameter count only while another
    is one of some choices; what it sets is left out otherwise.
    """

    name: str
    nominal: float | str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    scope: Scope = "well"
    when: When | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if self.choices and self.nominal not in self.choices:
            raise Refused(f"{self.name}: the nominal {self.nominal!r} is none of {', '.join(self.choices)}")
        if not self.choices and (isinstance(self.nominal, str) or not self.low <= self.nominal <= self.high):
            raise Refused(f"{self.name}: the nominal {self.nominal} is outside {self.low:g} .. {self.high:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration:
    """So much of the reagent that the well holds ``by`` mmol/L of ``species``, wherever it comes from."""

    species: str
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class MoleRatio:
    """So much that ``species`` is ``by`` times the moles of ``to`` in the well at that moment."""

    species: str
    to: str
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class MoleFraction:
    """So much that ``species`` is the fraction ``by`` (0..1) of the moles of all species in ``of``."""

    species: str
    of: tuple[str, ...]
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRatio:
    """``by`` times the volume (v/v) of the reagent ``to`` that is in the well at that moment."""

    to: str
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFraction:
    """The fraction ``by`` (0..1) of the reaction's volume."""

    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """``by`` microlitres."""

    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """As much as brings the reaction to ``by`` microlitres."""

    by: By


Amount = Concentration | MoleRatio | MoleFraction | VolumeRatio | VolumeFraction | Volume | Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """Add a reagent: before time zero (dispense), at it (inject), later (add), or to stop the growth (quench).

    ``carries`` are species its stock must contain beyond those its amount speaks of. An ``optional`` dose is none at
    all or at least the smallest transfer. A dose may be poured from an intermediate dilution unless ``dilutable`` is
    false.
    """

    reagent: str
    amount: Amount
    action: Addition = "dispense"
    carries: frozenset[str] = frozenset()
    optional: bool = False
    dilutable: bool = True

    @property
    def species(self) -> frozenset[str]:
        """What the reagent's stock must contain."""
        own = getattr(self.amount, "species", None)
        return self.carries | ({own} if own else set())


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Let ``by`` seconds pass; a ``watched`` one is read while dots grow, as often as there is time for."""

    by: By
    watched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Look at the outcome now; it counts when it was taken within ``window_s`` of its moment."""

    window_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """A person does ``text`` with all wells of the batch; the campaign waits."""

    text: str


Step = Dose | Hold | Read | Manual


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One synthesis. ``medium`` is the reagent that blanks, rinses and dilutions use.

    ``off_deck`` is the reason why no deck may run it ("" when one may); ``allows`` names process rules that this
    chemistry breaks on purpose, such as DMF in a well of dots; ``notes`` are doubts about its sources;
    ``endpoint_nm`` is the absorption band whose disappearance ends it.
    """

    name: str
    title: str
    source: str
    parameters: Mapping[str, RouteParameter]
    steps: tuple[Step, ...]
    medium: str
    off_deck: str = ""
    allows: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    endpoint_nm: float | None = None
    doses: tuple[Dose, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "doses", tuple(step for step in self.steps if isinstance(step, Dose)))
        for problem in self._problems():
            raise Refused(f"route {self.name}: {problem}")

    @property
    def nominal(self) -> dict[str, float | str]:
        """The published value of every parameter."""
        return {p.name: p.nominal for p in self.parameters.values()}

    @property
    def injected(self) -> str:
        """The reagent whose addition is time zero."""
        return next(dose.reagent for dose in self.doses if dose.action == "inject")

    @property
    def quench(self) -> str:
        """The reagent that stops the growth, "" when none does."""
        return next((dose.reagent for dose in self.doses if dose.action == "quench"), "")

    @property
    def outcome_delay_s(self) -> float:
        """Seconds from the last addition to the outcome's read, where that time is fixed."""
        last = max(i for i, step in enumerate(self.steps) if isinstance(step, Dose))
        holds = [step.by for step in self.steps[last + 1 :] if isinstance(step, Hold)]
        return sum(by for by in holds if not isinstance(by, str))

    @property
    def outcome_window_s(self) -> float:
        """How far from its moment an outcome's read may be taken."""
        return next(step.window_s for step in reversed(self.steps) if isinstance(step, Read))

    @property
    def manual(self) -> tuple[str, ...]:
        """What people do by hand, in order."""
        return tuple(step.text for step in self.steps if isinstance(step, Manual))

    def dose(self, reagent: str) -> Dose:
        return next(dose for dose in self.doses if dose.reagent == reagent)

    def stocks_of(self, reagent: str, choices: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """Name the stocks that may stand for ``reagent``; ``choices`` are those a campaign varies over, by name."""
        parameter = self.parameters.get(reagent)
        if parameter is None:
            return (reagent,)
        return choices.get(reagent) or (str(parameter.nominal),)

    def stocks(self, choices: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
        """Return every stock a campaign needs and the species it must contain."""
        needed: dict[str, frozenset[str]] = {}
        for dose in self.doses:
            for name in self.stocks_of(dose.reagent, choices):
                needed[name] = needed.get(name, frozenset()) | dose.species
        return needed

    def _problems(self) -> Iterator[str]:
        names = [dose.reagent for dose in self.doses]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            yield f"{doubled[0]} is added twice; give the second addition a reagent name of its own"
        if [dose.action for dose in self.doses].count("inject") != 1:
            yield "exactly one step injects: it is time zero"
        if self.medium not in names:
            yield f"the medium {self.medium} is added by no step"
        if not any(isinstance(step, Read) for step in self.steps):
            yield "no step reads, so nothing would be known"
        if "temperature_c" not in self.parameters:
            yield "temperature_c is missing from its parameters"
        yield from self._order()
        yield from self._unknown(names)

    def _order(self) -> Iterator[str]:
        injected = by_hand = False
        for step in self.steps:
            if by_hand and not isinstance(step, Manual | Read):
                yield f"a {type(step).__name__.lower()} comes after manual work, which only reads may follow"
            by_hand = by_hand or isinstance(step, Manual)
            if isinstance(step, Dose):
                early = step.action == "dispense"
                if early and injected:
                    yield f"{step.reagent} is dispensed after the injection; add or quench it"
                if not early and not injected and step.action != "inject":
                    yield f"{step.reagent} comes before the injection; dispense it"
                injected = injected or step.action == "inject"
            elif not injected:
                yield f"{type(step).__name__.lower()} comes before the injection, which is time zero"
            fill = isinstance(step, Dose) and isinstance(step.amount, Fill)
            if fill and injected and isinstance(step, Dose) and step.action != "inject":
                yield f"{step.reagent} fills up after the injection; fill before it"

    def _unknown(self, names: list[str]) -> Iterator[str]:
        for step in self.steps:
            by = step.amount.by if isinstance(step, Dose) else step.by if isinstance(step, Hold) else 0.0
            if isinstance(by, str) and (by not in self.parameters or self.parameters[by].choices):
                yield f"'{by}' sets an amount or time and is no parameter with numbers"
            if isinstance(step, Dose) and isinstance(step.amount, VolumeRatio) and step.amount.to not in names:
                yield f"{step.reagent} refers to {step.amount.to}, which no step adds"


def parameters(*given: RouteParameter) -> dict[str, RouteParameter]:
    """Return parameters by name."""
    return {p.name: p for p in given}

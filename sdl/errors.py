"""Every refusal of the laboratory, and the exit code it ends the command line with.

::

    SdlError                      1   a bug of ours, unless a subclass says otherwise
    ├── Refused                   2   a file or argument that is wrong for any lab; says where and what to do
    ├── NothingFeasible           3   every line is legal, but no design is left; names what binds
    ├── NeedsPerson               4   waiting for a person (approval, UNKNOWN well, refill)
    ├── Unreachable               5   an instrument or robot that does not answer; says which address
    ├── Stopped                   6   stopped by an operator or by a safety limit
    │   ├── Unsafe                6   the verifier or an interlock refused; nothing moved
    │   ├── InstrumentChanged     6   another serial number or wavelength grid than this campaign's references
    │   └── StaleInstrument       6   the spectrometer repeats itself: the same bytes again and again
    └── BudgetSpent               7   the budget is spent without a confirmed hit
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BudgetSpent",
    "InstrumentChanged",
    "NeedsPerson",
    "NothingFeasible",
    "Problem",
    "Refused",
    "SdlError",
    "StaleInstrument",
    "Stopped",
    "Unreachable",
    "Unsafe",
]


class SdlError(Exception):
    """Anything this project raises on purpose."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a file, at a place a person can jump to."""

    file: str
    line: int
    column: int
    path: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.text}" if self.path else f"{where}: {self.text}"


class Refused(SdlError):
    """A file or argument is wrong; every problem found is listed, not the first only."""

    exit_code = 2

    def __init__(self, text: str, *, problems: tuple[Problem, ...] = ()) -> None:
        self.problems = problems
        super().__init__("\n".join(str(p) for p in problems) if problems else text)


class NothingFeasible(SdlError):
    """Every line of the file is legal, but stocks, pipettes, constraints and safety leave no design."""

    exit_code = 3


class NeedsPerson(SdlError):
    """The campaign waits for a person."""

    exit_code = 4


class Unreachable(SdlError):
    """A robot or instrument does not answer at the address that the lab file names."""

    exit_code = 5


class Stopped(SdlError):
    """An operator or a safety limit stopped the campaign."""

    exit_code = 6


class Unsafe(Stopped):
    """The independent verifier or an interlock refused; no liquid moved."""


class InstrumentChanged(Stopped):
    """The spectrometer is not the one whose dark, blank and dye the campaign holds."""


class StaleInstrument(Stopped):
    """The spectrometer gives the same bytes again and again: what it shows is not what is in front of it."""


class BudgetSpent(SdlError):
    """The budget is spent and no confirmed hit was found."""

    exit_code = 7

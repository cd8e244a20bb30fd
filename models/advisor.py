"""What to try next, and how sure we are: the advisor learns from every experiment and suggests the next designs."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from models import filling
from models.deadline import NEVER, Deadline
from models.encode import DesignCode, checked
from models.outlying import remark
from models.physics import GrowthLaw
from models.suggestion import Confirmation, Forecast, Kind, Read, Row, Suggestion
from sdl.errors import NothingFeasible, Refused
from sdl.space import Design, DesignSpace
from sdl.target import Target

if TYPE_CHECKING:
    from models.posterior import Posterior

SMALLEST_START = 8
"""Space-filling experiments before the first model, at least: one batch of the built-in lab."""

LAW = GrowthLaw()
"""What is expected of the energies before any experiment; it speaks where the space has the parameters it needs."""


class Advisor:
    """Suggest designs in ``space`` that come ever closer to ``target``.

    The first ``start`` experiments fill the space; then a model of every outcome decides.  The same data and ``seed``
    give the same suggestions.  A palette (`Target.palette`) shares each batch until every target has ``enough``
    confirmed hits.  ``device`` is where many designs are compared: "cpu", "cuda", or by default a GPU where there is
    one and experiments are many; the constants are always fitted on the CPU.
    """

    def __init__(
        self,
        space: DesignSpace,
        target: Target,
        *,
        seed: int = 0,
        start: int | None = None,
        law: GrowthLaw | None = LAW,
        enough: int = 2,
        device: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.enough = enough
        self.space, self.target, self.seed, self.law = space, target, seed, law
        self._device, self._clock = device, clock
        self.rows: list[Row] = []
        self.history: list[Row] = []
        self._start = start
        self._code = DesignCode(space)
        self._posterior: Posterior | None = None

    def tell(
        self,
        design: Design,
        features: Mapping[str, float],
        sd: Mapping[str, float] | None = None,
        run: str | int | None = None,
        experiment: str | None = None,
        reads: Sequence[Read] = (),
    ) -> None:
        """Learn what ``design`` gave; features may be missing, ``sd`` are those of the reading alone.

        Wells of one ``run`` share a run-to-run effect; ``reads`` are looks at the dots while they grew.
        Raise `Refused` for a value that is no measurement.
        """
        self._code.check(design)
        for read in reads:
            checked({"x1_nm": read.x1_nm}, {"x1_nm": read.sd})
        values, sds = checked(features, sd or {})
        row = Row(
            design=dict(design),
            features=values,
            sd=sds,
            run=None if run is None else str(run),
            experiment=experiment or str(len(self.rows) + 1),
            reads=tuple(reads),
        )
        self.rows.append(row)

    def fail(self, design: Design, why: str, run: str | int | None = None, experiment: str | None = None) -> None:
        """Learn that nothing came of ``design`` and ``why`` (no emission, precipitated): where not to go.

        A well lost to the robot teaches nothing of its design: do not tell it.
        """
        self._code.check(design)
        row = Row(
            design=dict(design),
            features={},
            sd={},
            run=None if run is None else str(run),
            experiment=experiment or str(len(self.rows) + 1),
            failed=why or "failed",
        )
        self.rows.append(row)

    def recall(
        self, design: Design, features: Mapping[str, float], source: str, sd: Mapping[str, float] | None = None
    ) -> None:
        """Learn what ``design`` gave elsewhere; ``source`` names the lab or paper, whose offset is learned.

        What a history says is believed only as far as it helps to foresee the experiments that are told.
        """
        self._code.check(design)
        values, sds = checked(features, sd or {})
        row = Row(design=dict(design), features=values, sd=sds, run=source, experiment=f"history {source}")
        self.history.append(row)

    @property
    def start(self) -> int:
        """How many experiments fill the space before a model chooses; none where a law or a history leads to a goal."""
        if self._start is not None:
            return self._start
        led = self.history or (self.law is not None and self.law.leads(self.space.names, self.target.goals))
        return 0 if led else max(SMALLEST_START, len(self.space.parameters) + 2)

    def suggest(
        self,
        n: int,
        pending: Sequence[Design] = (),
        pool: Sequence[Design] | None = None,
        limit_s: float = math.inf,
    ) -> list[Suggestion]:
        """Return ``n`` designs to make next; ``pending`` still run, ``pool`` restricts the choice to its designs.

        Fewer come back only when a pool is spent.  Where the model has no answer within about ``limit_s``, designs
        that fill the space come back, labelled.  Readings wildly off all others are named with each suggestion.
        Raise `NothingFeasible` when no design can be made.
        """
        n = _count(n)
        for design in (*pending, *(pool or ())):
            self._code.check(design)
        deadline = Deadline.within(limit_s, self._clock)
        missing = min(n, max(0, self.start - len(self.rows) - len(pending)))
        why = "spread over the space to learn what each parameter does"
        batch = self._filling(missing, [], pending, pool, "sobol", why)
        if len(batch) < n:
            batch += self._modelled(n - len(batch), batch, pending, pool, deadline)
        said = remark(self.rows)
        return [replace(s, why=s.why + said) for s in batch] if said else batch

    def predict(self, design: Design) -> Forecast:
        """Return what one new measurement of ``design`` should give; empty before there is a model."""
        self._code.check(design)
        posterior = self._learned()
        if isinstance(posterior, str):
            return Forecast(expected={}, p_hit=0.0, p_mean=0.0)
        from models.palette import forecast

        return forecast(posterior, design)

    def confirmations(self) -> list[Confirmation]:
        """Return the designs that are confirmed hits, most certain first.

        Confirmed: measured as a hit at least once, and P(all bounds hold for the mean outcome) >= 0.8.
        """
        if not any(self.target.hit(row.features) for row in self.rows):
            return []
        posterior = self._learned()
        if isinstance(posterior, str):
            return []
        from models.palette import confirmed

        return confirmed(posterior)

    @property
    def posterior(self) -> Posterior | None:
        """The model of everything told so far; None before there can be one."""
        learned = self._learned()
        return None if isinstance(learned, str) else learned

    def _learned(self, deadline: Deadline = NEVER) -> Posterior | str:
        """Return the model of all rows, fitted once per new row, or why there is none."""
        from models.posterior import Posterior

        known = (len(self.rows), len(self.history))
        if self._posterior is None or (len(self._posterior.rows), len(self._posterior.history)) != known:
            learned = Posterior.of(
                self._code,
                self.target,
                self.rows,
                self.seed,
                law=self.law,
                before=self._posterior,
                history=self.history,
                device=self._device,
                deadline=deadline,
            )
            if isinstance(learned, str):
                return learned
            self._posterior = learned
        return self._posterior

    def _modelled(
        self,
        n: int,
        batch: Sequence[Suggestion],
        pending: Sequence[Design],
        pool: Sequence[Design] | None,
        deadline: Deadline,
    ) -> list[Suggestion]:
        """Let the model choose ``n`` designs beside those already in ``batch``; fill the space where it cannot."""
        from models.batch import choose
        from models.sharing import share_out

        chosen: list[Suggestion] = []
        reason = "all designs that the model would choose are taken"
        here = [s.design for s in batch]
        try:
            posterior = self._learned(deadline)
            if isinstance(posterior, str):
                reason = posterior
            elif self.target.others:
                chosen = share_out(posterior, n, here, pending, pool, enough=self.enough, deadline=deadline)
            else:
                chosen = choose(posterior, n, here, pending, pool, deadline)
        except ArithmeticError as exc:
            reason = str(exc)
        filled = [*batch, *chosen]
        return chosen + self._filling(n - len(chosen), filled, pending, pool, "fallback", f"chosen evenly: {reason}")

    def _filling(
        self,
        n: int,
        batch: Sequence[Suggestion],
        pending: Sequence[Design],
        pool: Sequence[Design] | None,
        kind: Kind,
        why: str,
    ) -> list[Suggestion]:
        here = [s.design for s in batch]
        done = len(self.rows) + len(pending) + len(batch)
        if pool is None:
            designs = filling.fill(self._code, n, done, here, self.seed)
        elif pool:
            taken = [*(r.design for r in self.rows), *pending, *here]
            designs = filling.far_apart(self._code, pool, taken, n)
        else:
            raise NothingFeasible("the pool holds no design")
        return [Suggestion(design=d, kind=kind, why=f"experiment {done + i + 1}: {why}") for i, d in enumerate(designs)]


def _count(n: int) -> int:
    """Return how many designs are asked for; raise `Refused` for what is no whole number above 0."""
    try:
        count = operator.index(n)
    except TypeError:
        count = 0
    if count < 1:
        raise Refused(f"suggest({n!r}): ask for a whole number of designs, at least one")
    return count

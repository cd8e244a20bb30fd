"""How an outcome may bend: how smooth its latent functions are, and which inputs count by their root.

Chosen by evidence, as laws and histories are: few steps (a layer more or less on a platelet) are rough, amounts whose
range begins at nothing act most where there is little of them.
"""

from __future__ import annotations

import dataclasses

from models.fitted import Fitted, Form, Told, fit_quantity

FEWEST = 24
"""Readings below which forms are not compared (chosen: fewer say nothing of how rough a function is)."""

GAIN = 5.0
"""Evidence in nats that another form must add: "very strong" by Kass and Raftery 1995 (10.1080/01621459.1995.10476572).
"""


def formed(fitted: Fitted, before: Told | None) -> Fitted:
    """Return the model in the form of the highest evidence, looked for anew whenever the readings have doubled.

    ``before`` are the readings that the form of ``fitted`` was last known with.
    """
    n, then = len(fitted.told.y), 0 if before is None else len(before.y)
    if n < FEWEST or not fitted.good or (then >= FEWEST and n.bit_length() == then.bit_length()):
        return fitted
    zeros = fitted.told.zeros
    forms = {Form(smoothness=nu, roots=roots) for nu in (2.5, 1.5) for roots in ((), zeros)} - {fitted.told.form}
    tried = [_in_form(fitted, form) for form in sorted(forms, key=lambda f: (f.smoothness, f.roots))]
    best = max(tried, key=lambda f: f.evidence)
    return best if best.evidence > fitted.evidence + GAIN else fitted


def _in_form(fitted: Fitted, form: Form) -> Fitted:
    told, units = dataclasses.replace(fitted.told, form=form), (fitted.shift, fitted.spread)
    found = fit_quantity(told, trend=fitted.trend, begin=fitted.theta, units=units)
    return dataclasses.replace(found, history=fitted.history)

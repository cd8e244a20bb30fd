"""A vial measured again: spectra of its content from any instrument become a later measurement of its experiment.

`sdl label` says which vial holds which experiment. Nothing is dispensed: an experiment that was made and whose outcome
was lost is measured, never made, again. A first outcome stays the outcome; what comes later is a series in time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sdl.config.load import load_campaign
from sdl.errors import Refused
from sdl.progress import state_folder
from sdl.spectra.table import results_of
from sdl.spectra.types import Value
from sdl.store import Store
from sdl.store.experiments import require_name
from sdl.telling import Result, moment_of, record, refuse_a_changed_campaign_of_a_robot
from sdl.units import label_of


def remeasure(
    file: Path,
    experiment: str,
    spectra: Sequence[Path],
    *,
    who: str,
    measured_at: str = "",
    dark: Path | None = None,
    blank: Path | None = None,
    state: Path | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Read ``spectra`` of one vial and tell their features; return what changed, with each file's flags.

    ``measured_at`` is now where it is not given. Raises `Refused` for a file that cannot be read, two files that show
    the same feature, and an experiment of which nothing was ever poured.
    """
    require_name(who)
    campaign = load_campaign(file)
    refuse_a_changed_campaign_of_a_robot(campaign, file, state)
    results = results_of(spectra, dark=dark, blank=blank)
    if broken := [f"{r.file}: {r.error}" for r in results if r.error]:
        raise Refused(broken[0])
    seen: dict[str, Value] = {}
    for result in results:
        for name, value in result.features.values.items():
            if name not in campaign.target.goals:
                continue
            if name in seen:
                raise Refused(f"{result.file}: {label_of(name)} was read from another of these files already; name one")
            seen[name] = value
    if not seen:
        wanted = ", ".join(label_of(name) for name in campaign.target.goals)
        raise Refused(f"{', '.join(str(r.file) for r in results)}: no {wanted} is seen there; `sdl spectrum` says why")
    folder = state_folder(file, state, campaign=campaign)
    _require_made(folder, experiment)
    told = Result(
        place=", ".join(f"{Path(r.file).name} (SHA-256 {_sha256(Path(r.file))})" for r in results),
        name=experiment,
        values=seen,
        measured_at=moment_of(measured_at, "--at") or (now or datetime.now(UTC)).isoformat(timespec="seconds"),
    )
    files = [{"file": r.file, "flags": list(r.features.flags)} for r in results]
    changes = record(campaign, [told], who=who, folder=folder)
    return {**changes, "files": files, "left_out": [], "ignored_columns": []}


def _require_made(folder: Path, experiment: str) -> None:
    with Store.open(folder, create=False) as store:
        state = store.experiment(experiment).state
    if state not in ("measured", "lost"):
        raise Refused(f"{experiment} is {state}: nothing was made yet that could be measured again")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

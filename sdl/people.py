"""What people tell a campaign from outside: wishes, refills, repeats, edits, labels, signatures. All of it is stored.

Wishes (pause, stop, refill, repeat) wait in the store for the controller, running or not. What changes a suggestion, or
ends an attempt that never started, needs that nobody else runs the campaign at that moment.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdl.campaign import Campaign
from sdl.config.load import load_campaign
from sdl.errors import NeedsPerson, Refused
from sdl.progress import open_store
from sdl.store import Store

MEANING: Mapping[str, str] = {
    "pause": "the attempt in flight goes on to its end, then nothing is started; no well is lost",
    "stop": "the robot is stopped where it is and heat is switched off; wells in flight become UNKNOWN until somebody "
    "looks at them; nothing is dispensed again",
}
"""What a pause and a stop mean for liquids, said to whoever asks for one."""

DECK = ("tips", "vials", "waste")

MOST_REPEATS = 24
"""One rack of vials (chosen: a batch stands in one rack)."""


def hold(file: Path, state: Path | None, verb: str, *, who: str, note: str) -> str:
    """Ask for a pause or a stop."""
    with open_store(file, state) as store:
        store.ask(verb, who, **({"note": note} if note else {}))
        running = store.summary().running
    when = "now" if running else "at the next start (no controller runs at present)"
    return f"{verb} is asked for by {who}, heeded {when}: {MEANING[verb]}. `sdl resume {file}` goes on."


def refill(file: Path, state: Path | None, what: str, volume: str, *, who: str) -> str:
    """Say that tips, vials, waste or a stock (by its place, now holding ``volume``) were renewed."""
    campaign = load_campaign(file)
    detail: dict[str, Any] = {"what": what}
    if what not in DECK:
        detail["volume_ul"] = _volume_ul(campaign, what, volume)
    with open_store(file, state) as store:
        store.ask("refill", who, **detail)
    return f"{what} renewed by {who}: entered before the next attempt"


def _volume_ul(campaign: Campaign, what: str, volume: str) -> float:
    from sdl.config import quantities

    places = [at for stock in campaign.stocks.values() for at in stock.at]
    if what not in places:
        raise Refused(f"{what!r} is no place of a stock: there are {', '.join([*places, *DECK])}")
    try:
        volume_ul = quantities.number(volume, "uL")
    except Refused as exc:
        raise Refused(f"--volume {volume!r}: {exc}; say what the vial holds now, such as '18 mL'") from exc
    if not volume_ul > 0:
        raise Refused(f"--volume {volume!r}: a vial holds more than nothing; write such as '18 mL'")
    assert campaign.lab is not None
    room_ul = campaign.lab.deck[campaign.lab.locate(what)[0]].capacity_ul
    if volume_ul > room_ul:
        raise Refused(f"--volume {volume!r}: the vial at {what} holds {room_ul / 1000:g} mL at most")
    return volume_ul


def repeat(file: Path, state: Path | None, experiment: str, n: int, *, who: str) -> str:
    """Ask for ``n`` replicates of an experiment, made before anything new is suggested."""
    if not 1 <= n <= MOST_REPEATS:
        raise Refused(f"-n {n}: between 1 and {MOST_REPEATS} repeats at a time")
    with open_store(file, state) as store:
        known = store.experiment(experiment)
        store.ask("repeat", who, experiment=known.id, n=n)
    return f"{n} repeats of {experiment} asked for by {who}: they are the next batch"


def edit(file: Path, state: Path | None, experiment: str, changes: Mapping[str, str], *, who: str) -> str:
    """Change parameters of a suggestion that is not planned yet; any approval of its batch ends with that."""
    from sdl.attempt.wording import recipe_json
    from sdl.chemistry.compiler import Compiler
    from sdl.chemistry.feasible import design_space

    campaign = load_campaign(file)
    compiler, space = Compiler.of(campaign), design_space(campaign)
    with open_store(file, state) as store:
        known = store.experiment(experiment)
        design = {**known.suggestion["design"], **_values(known.suggestion["design"], changes)}
        if not space.feasible(design):
            raise Refused(f"{design} is outside what {file} allows (bounds, steps, constraints or pipettes)")
        recipe = recipe_json(compiler.recipe(design))
        before = dict(known.suggestion["design"])
        why = f"edited by {who}: " + ", ".join(f"{k} {before[k]} -> {design[k]}" for k in changes)
        store.claim()
        store.edit_suggestion(
            experiment, who=who, suggestion={**known.suggestion, "design": design, "why": why}, recipe=recipe
        )
        batch = known.batch
    return f"{experiment}: {why}. An earlier approval of batch {batch} no longer holds."


def _values(design: Mapping[str, Any], changes: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for name, text in changes.items():
        if name not in design:
            raise Refused(f"{name!r} is no parameter of this design: {', '.join(design)}")
        try:
            found[name] = float(text)
        except ValueError as exc:
            raise Refused(f"{name}={text!r} is not a number") from exc
        if not math.isfinite(found[name]):
            raise Refused(f"{name}={text!r} is not a finite number")
    if not found:
        raise Refused("say what to change: NAME=NUMBER, in the units of the JSON names")
    return found


def drop(file: Path, state: Path | None, experiment: str, *, who: str, note: str) -> str:
    """Take a suggestion out of its batch before it is planned."""
    with open_store(file, state) as store:
        store.experiment(experiment)
        store.claim()
        store.reject(experiment, who=who, note=note)
    return f"{experiment} rejected by {who}"


def labels(file: Path, state: Path | None) -> list[dict[str, Any]]:
    """Return what stands in which vial of the present load, so that a hit can be picked up."""
    with open_store(file, state) as store:
        loads = {a.id: int(a.plan.get("vial_load", 1)) for a in store.attempts()}
        return [
            {
                "vial": e.well,
                "load": loads[e.attempt],
                "experiment": e.id,
                "state": e.state,
                "hit": bool(e.is_hit),
                "design": dict(e.design),
                "features": {name: v.value for name, v in e.features.values.items()},
            }
            for e in store.experiments()
            if e.attempt in loads
        ]


def verify(file: Path, state: Path | None, *, who: str, note: str) -> list[str]:
    """Return what in the record is not as written; with a name and note a person signs that it is known."""
    with open_store(file, state) as store:
        found = store.verify_chain()
        if who.strip() and found:
            if not note.strip():
                raise Refused("say in --note what is known about these rows")
            store.claim()
            store.event("record signed", who=who, note=note, problems=found, sha256=fingerprint(found))
    return found


def require_true_record(store: Store) -> None:
    """Refuse to go on from a record that was changed by hand, until a person signs for it."""
    found = store.verify_chain()
    if not found:
        return
    signed = {str(e.data["sha256"]) for e in store.events(kinds=["record signed"])}
    if fingerprint(found) not in signed:
        raise NeedsPerson(
            f"{store.path}: {len(found)} rows are not as written, such as {found[0]}; see `sdl verify FILE`, then "
            "sign: sdl verify FILE --by NAME --note 'what happened'"
        )


def fingerprint(problems: list[str]) -> str:
    """Return the SHA-256 of a list of problems: what a signature is given to."""
    return hashlib.sha256(json.dumps(sorted(problems)).encode()).hexdigest()

"""Where a campaign stands: its state folder, its summary, and what people decide about it. Reads the store only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdl.campaign import Campaign
from sdl.config import strict
from sdl.errors import Refused
from sdl.store import Experiment, Store
from sdl.store.attempts import BEFORE_START
from sdl.store.place import place_of
from sdl.target import Goal, Target


def state_folder(file: Path, state: Path | None, *, campaign: Campaign | None = None) -> Path:
    """Return the folder of a campaign's memory: beside its file, or where ``--state`` says."""
    return state or (campaign.home if campaign else file.resolve().parent / ".sdl" / _name(file))


def is_offline(file: Path) -> bool:
    """Say whether a campaign works on data alone, without validating the rest."""
    fields = strict.read(file).root.value
    return isinstance(fields, dict) and "mode" in fields and fields["mode"].value == "offline"


def _name(file: Path) -> str:
    """Return the campaign's name without validating the rest, so that `sdl status` stays quick."""
    document = strict.read(file)
    fields = document.root.value
    name = fields["campaign"].value if isinstance(fields, dict) and "campaign" in fields else None
    if not isinstance(name, str) or not strict.NAME.fullmatch(name):
        raise Refused(f"{file}: names no campaign; `sdl check {file}` says what is wrong")
    return name


def open_store(file: Path, state: Path | None) -> Store:
    """Open an existing store for reading; raise `Refused` when the campaign has not begun."""
    return Store.open(state_folder(file, state), create=False)


def refuse_a_changed_campaign(campaign: Campaign, folder: Path) -> None:
    """Refuse a file whose route, space, stock contents or lab differ from what this store was begun with."""
    from sdl.attempt.wording import campaign_json

    if not place_of(folder).exists():
        return
    with Store.open(folder, create=False) as store:
        begun = store.campaign()
    if begun is None:
        return
    now, then = campaign_json(campaign), begun.parsed
    changed = [key for key in ("name", "route", "synthesis", "lab") if now[key] != then.get(key, "")]
    old = {p["name"]: p for p in then["parameters"]}
    for p in now["parameters"]:
        before = old.get(p["name"])
        if before is None or p["low"] < before["low"] or p["high"] > before["high"]:
            changed.append(f"vary.{p['name']}")
    changed += [f"vary.{name}" for name in old if name not in {p["name"] for p in now["parameters"]}]
    then_holds = {name: stock["contains"] for name, stock in then["stocks"].items()}
    if {name: stock["contains"] for name, stock in now["stocks"].items()} != then_holds:
        changed.append("stocks")
    if changed:
        raise Refused(
            f"{campaign.file}: {', '.join(changed)} changed since this campaign began in {folder}; that is a new "
            "campaign: give it another name (it may list this one under history:), or put the old values back"
        )


def summary_of(file: Path, *, state: Path | None) -> dict[str, Any]:
    """Return the summary of a campaign by its file."""
    folder = state_folder(file, state)
    with Store.open(folder, create=False) as store:
        return summarize(store, folder)


def summarize(store: Store, folder: Path) -> dict[str, Any]:
    """Return the JSON that ``run`` and ``status`` print."""
    counts, version = store.summary(), store.campaign()
    parsed: Mapping[str, Any] = version.parsed if version else {}
    experiments = store.experiments()
    known = store.diagnostics()
    seen: Mapping[str, Any] = known[max(known)] if known else {}
    confirmed = list(seen.get("confirmed", []))
    last = store.events(kinds=["campaign ended", *_GOES_ON])[-1:]
    ended = [e for e in last if e.kind == "campaign ended"]
    waiting = [f"request {r.id}: {r.what} ({r.detail.get('why', '')})" for r in counts.open_requests]
    waiting += [f"{a.id} is UNKNOWN: see `sdl resolve`" for a in store.attempts("UNKNOWN")]
    planned = [a.plan["runway"] for a in store.attempts() if "runway" in a.plan]
    runway: Mapping[str, Any] = planned[-1] if planned else {}
    proposed = _proposed(store, parsed)
    if proposed:
        waiting.append(f"batch {proposed[0]['batch']} waits for approval: `sdl approve FILE --by NAME`")
    waiting += [f"{ask.verb} wanted by {ask.who} since {ask.asked_at}" for ask in counts.pending_asks]
    state = "running" if counts.running else ("waiting for a person" if waiting else "stopped, can be resumed")
    if ended and not counts.running:
        words = {
            "confirmed": "finished: enough confirmed hits",
            "budget": "finished: budget spent",
            "out of reach": "stopped: the target is out of reach",
        }
        state = words.get(str(ended[-1].data["ending"]), "finished")
    target = Target.stored(parsed)
    best = best_of(experiments, target) if target else None
    first = next((e for e in experiments if e.is_hit), None)
    return {
        "campaign": counts.campaign,
        "state": state,
        "experiments": counts.measured,
        "budget": parsed.get("budget", {}).get("experiments", 0),
        "batches": counts.batches,
        "hits": counts.hits,
        "confirmed": len(confirmed),
        "confirmed_designs": confirmed,
        "best": None if best is None else _best_json(best, confirmed),
        **({"palette": _palette(experiments, target, confirmed)} if target and target.others else {}),
        "first_hit_at": None if first is None else first.id,
        "prospects": list(seen.get("prospects", [])),
        "noticed": _noticed(store),
        "waiting": waiting,
        "proposed": proposed,
        "batch_hash": store.batch_hash(proposed[0]["batch"])[:SHOWN_DIGITS] if proposed else "",
        "runway": runway,
        "first_out": next((name for name, lasts in runway.items() if lasts["wells"] is not None), None),
        "state_dir": str(folder),
    }


_GOES_ON = ("campaign saved", "batch suggested", "attempt planned", "campaign interrupted")
"""Whatever of this comes after an end says that the campaign has gone on, as with a larger budget."""


def _noticed(store: Store) -> list[str]:
    """Return what was noticed of drift and reach after the last batch, and why a campaign was given up."""
    events = store.events(kinds=["noticed", "out of reach", "diagnostics saved"])
    last = max((e.seq for e in events if e.kind == "diagnostics saved"), default=0)
    return list(dict.fromkeys(str(e.data["text"]) for e in events if "text" in e.data and e.seq > last))


def _proposed(store: Store, parsed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the suggestions that wait for a person's approval, with recipes."""
    suggested = store.experiments("suggested")
    if not suggested or parsed.get("approval", "never") == "never":
        return []
    batch = suggested[0].batch
    decided = store.approval(batch)
    if (parsed["approval"] == "first batch" and store.attempts()) or (
        decided is not None and decided.decision == "approved"
    ):
        return []
    return [{"id": e.id, "batch": batch, **e.suggestion, "recipe": dict(e.recipe)} for e in suggested]


def best_of(experiments: list[Experiment], target: Target) -> Experiment | None:
    """Return the measured experiment nearest to the target: hits first, then by the first goal that differs."""
    measured = [e for e in experiments if e.state == "measured" and e.features.values]
    return min(measured, key=lambda e: min(_far(e, t) for t in target.each), default=None)


def _far(experiment: Experiment, target: Target) -> tuple[float, ...]:
    """Return whether a target is missed, and by how much, goal by goal."""
    return (not target.hit(experiment.features.plain), *(_miss(experiment, n, g) for n, g in target.goals.items()))


def _miss(experiment: Experiment, name: str, goal: Goal) -> float:
    """Return how far a feature is from its goal, the smaller the better; infinite when it was not measured."""
    if name not in experiment.features.values:
        return float("inf")
    value = experiment.features.values[name].value
    if goal.wanted is not None:
        return abs(value - goal.wanted)
    return value if goal.kind == "minimize" else -value if goal.kind == "maximize" else 0.0


def _palette(
    experiments: list[Experiment], target: Target, confirmed: list[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return how far each target of a palette has come: wells made for it, its hits, and its best experiment."""
    found = {}
    for one in target.each:
        best = best_of(experiments, one)
        found[one.name] = {
            "wells": sum(e.suggestion.get("target") == one.name and e.state != "rejected" for e in experiments),
            "hits": sum(one.hit(e.features.plain) for e in experiments if e.state == "measured"),
            "confirmed": sum(c.get("target") == one.name for c in confirmed),
            "best": None if best is None else _best_json(best, confirmed),
        }
    return found


def _best_json(best: Experiment, confirmed: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "experiment": best.id,
        "design": dict(best.design),
        "features": {name: {"value": v.value, "sd": v.sd} for name, v in best.features.values.items()},
        "vial": best.executed.get("vial", ""),
        "confirmed": any(best.id in c["experiments"] for c in confirmed),
    }


def decide(file: Path, *, state: Path | None, who: str, decision: str, note: str, shown: str = "") -> str:
    """Approve or reject the batch that waits; refused when it is not the one that was ``shown`` (its hash, or 8 of it).

    `sdl status` shows the hash. Without one the batch is decided on as it stands now.
    """
    with open_store(file, state) as store:
        waiting = store.experiments("suggested")
        if not waiting:
            raise Refused(f"{file}: no batch waits for approval")
        batch = waiting[0].batch
        now = store.batch_hash(batch)
        if shown and not (len(shown) >= SHOWN_DIGITS and now.startswith(shown)):
            raise Refused(f"batch {batch} is {now[:SHOWN_DIGITS]} now, not {shown}: look at it again, then decide")
        store.approve(batch, who, now, decision, note)
        return f"batch {batch} ({now[:SHOWN_DIGITS]}) {decision} by {who}; `sdl resume {file}` continues"


SHOWN_DIGITS = 8
"""Digits of a batch's hash that people read and repeat (chosen: as long as a git commit's)."""

_OUTCOMES = {"ran": "DONE", "not-run": "CANCELLED", "discard": "FAILED_SAFE"}


def settle(
    file: Path, *, state: Path | None, who: str, attempt: str, outcome: str, request: int | None, note: str
) -> str:
    """Record what a person found: the fate of an UNKNOWN attempt, or that a request is done.

    Wells whose outcome was read before the run was lost keep it; "not-run" is refused for wells that were poured.
    """
    folder = state_folder(file, state)
    with Store.open(folder, create=False) as store:
        if request is not None:
            store.answer(request, note or "done", who)
            return f"request {request} answered by {who}; `sdl resume {file}` continues"
        if not attempt or outcome not in _OUTCOMES:
            raise Refused("name --attempt ID with --outcome ran, not-run or discard, or --request N")
        target = load_target(file)
        store.claim()
        resolve(store, target, attempt, outcome, who=who, note=note)
        return f"{attempt} resolved as {outcome} by {who}; `sdl resume {file}` continues"


def resolve(store: Store, target: Target, attempt: str, outcome: str, *, who: str, note: str) -> None:
    """End an UNKNOWN attempt as a person found it; `Refused` where the record says otherwise or no name is given."""
    known = store.attempt(attempt)
    if not who.strip() or not note.strip():
        raise Refused("say who you are (--by NAME) and what you saw (--note TEXT)")
    if known.state in BEFORE_START and outcome == "not-run":
        store.move_attempt(attempt, known.state, "CANCELLED", who=who, note=note)
        return
    if known.state != "UNKNOWN":
        raise Refused(
            f"{attempt} is {known.state}, not UNKNOWN: `sdl resume` goes on with it"
            + ("; to take it back, say --outcome not-run" if known.state in BEFORE_START else "")
        )
    released = [h.message for h in store.handshakes(attempt) if h.message.startswith("AT ")]
    if outcome == "not-run" and released:
        raise Refused(f"liquid is on record ({released[-1]} was released): use --outcome ran or discard")
    if outcome != "not-run":
        _keep_outcomes(store, target, attempt, note)
    store.move_attempt(attempt, "UNKNOWN", _OUTCOMES[outcome], who=who, note=note)


def load_target(file: Path) -> Target:
    """Return what the campaign file asks for."""
    from sdl.config.load import load_campaign

    return load_campaign(file).target


def _keep_outcomes(store: Store, target: Target, attempt: str, note: str) -> None:
    """Give every well of a run that nobody saw end the outcome that is on disk; the others are lost."""
    wells = {w.experiment: w for w in store.wells(attempt)}
    for experiment in store.experiments("planned"):
        if experiment.attempt != attempt:
            continue
        read = next((r for r in store.reads(experiment=experiment.id) if r.outcome and r.features.values), None)
        if read is None:
            store.lose_experiment(experiment.id, why=f"no outcome when the run was lost: {note}")
            continue
        well = wells[experiment.id]
        made = {"design": experiment.suggestion["design"], "volumes_ul": {}, "vial": well.well}
        times = {"injected_s": well.injected_s, "quenched_s": well.quenched_s}
        hit = target.hit(read.features.plain) if set(target.bounded) <= set(read.features.values) else None
        flags = ("run_unknown", *read.features.flags)
        store.finish_experiment(experiment.id, {**made, **times}, read.features, hit, outcome_read=read.id, flags=flags)

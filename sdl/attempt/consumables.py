"""Vials, tips, stocks and waste: what a run needs, what is left, and asking the operator for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

from sdl.attempt import composition
from sdl.attempt.session import Session
from sdl.bench import Lab
from sdl.campaign import Stock
from sdl.chemistry.evaporation import gone_after_ul, too_old, why_not
from sdl.chemistry.recipe import Run
from sdl.chemistry.runway import TIPS_PER_RACK, Batch, runway, supplies
from sdl.errors import NeedsPerson, Refused

FRESH: Mapping[str, Any] = {
    "vials_used": 0,
    "vials_elsewhere": {},
    "vial_load": 1,
    "dilutions_made": 0,
    "tips_gone": {},
    "waste_ul": 0.0,
}
"""The deck as the load list asks for it; ``vials_elsewhere`` are those of further reaction blocks, by rack."""


DECLARED = "declared_ul"
"""The deck entry that remembers how much the campaign file said stands at each location."""


def deck_now(session: Session) -> dict[str, Any]:
    """Return the consumables as the store knows them; a deck never used is as the load list says."""
    return {**FRESH, **session.store.deck()}


def load_stocks(session: Session) -> None:
    """Enter the declared stocks into the ledger, by their location: once, again for a new lot, or another volume.

    Who edits the volume in the file says that the vial holds that much now.
    """
    known, standings = session.store.stock_left(), composition.standing(session)
    before = session.store.deck().get(DECLARED, {})
    declared = {at: s.volume_ul / len(s.at) for s in session.campaign.stocks.values() for at in s.at}
    for name, stock in session.campaign.stocks.items():
        for at in stock.at:
            if at not in known:
                _load(session, stock, at, f"{name}, lot {stock.lot or 'not given'}")
            elif at in standings and stock.lot and stock.lot != standings[at].lot:
                why = f"the file names lot {stock.lot} of {name}, lot {standings[at].lot or 'not given'} stands there"
                full = stock.volume_ul / len(stock.at)
                ask(session, at, {"stock": name, "volume_ul": full, "lot": stock.lot, "why": why})
                _load(session, stock, at, f"{name}, new lot {stock.lot}")
            elif before.get(at, declared[at]) != declared[at]:
                now, then = (f"{ul / 1000:g} mL" for ul in (declared[at], before[at]))
                why = f"the file says {now} of {name} at {at} now, {then} before"
                ask(session, at, {"stock": name, "volume_ul": declared[at], "lot": stock.lot, "why": why})
                _load(session, stock, at, why)
    if declared != before:
        session.store.update_deck(**{DECLARED: declared})


def renew(session: Session) -> None:
    """Ask for every stock whose computed drift passes the limit; raise `NeedsPerson` for a lot past its age."""
    now_s = session.clock.now_s()
    standings, at = composition.standing(session), sources(session)
    for name, stock in session.campaign.stocks.items():
        if at[name] not in standings:
            continue
        here = standings[at[name]]
        if old := too_old(stock, here.age_h(now_s), here.lot):
            raise NeedsPerson(f"{session.campaign.file}: {old}, then sdl resume")
        if why := why_not(stock, here, now_s):
            full = stock.volume_ul / len(stock.at)
            ask(session, at[name], {"stock": name, "volume_ul": full, "lot": stock.lot, "why": why})
            _load(session, stock, at[name], f"{name} replaced")


def left_ul(session: Session) -> dict[str, float]:
    """Return what is left at each location: what the ledger says, less what evaporated."""
    standings = composition.standing(session)
    return {at: ul - (standings[at].lost_ul if at in standings else 0) for at, ul in session.store.stock_left().items()}


def _load(session: Session, stock: Stock, at: str, why: str) -> None:
    """Enter a full vial of ``stock`` at ``at`` in place of what stood there."""
    standings = composition.standing(session)
    full = stock.volume_ul / len(stock.at)
    before = session.store.stock_left().get(at, 0.0)
    session.store.load_stock(at, full - before, why, lot=stock.lot, made=stock.made)
    composition.remember(session, {**standings, at: composition.loaded(session, stock)})


def sources(session: Session) -> dict[str, str]:
    """Choose for each stock the location that holds most of it now."""
    left = session.store.stock_left()
    return {name: max(stock.at, key=lambda at: left.get(at, 0.0)) for name, stock in session.campaign.stocks.items()}


def free_wells(session: Session, wanted_c: Sequence[float]) -> list[str]:
    """Return an unused vial for each temperature in order A1, A2 ... of a block that holds it; one block, one value.

    Asks for a new load of every rack when one of those needed has too few vials left.
    """
    deck, places = deck_now(session), session.lab.deck
    at_c = racks_at(session.lab, wanted_c)
    need = Counter(at_c[t] for t in wanted_c)
    probe = session.lab.reader.at
    wells = {rack: [probe] if probe else rack_wells(rack, places[rack].wells) for rack in need}
    for rack, n in need.items():
        if n > len(wells[rack]):
            one = f"{probe} is the one reactor and holds one experiment" if probe else f"{rack} has {len(wells[rack])}"
            raise Refused(f"{one}, not {n}: write batch: {len(wells[rack])} in the campaign")
    short = [rack for rack, n in need.items() if vials_used(session.lab, deck)[rack] + n > len(wells[rack])]
    for rack in short:
        left = len(wells[rack]) - vials_used(session.lab, deck)[rack]
        ask(session, "vials", {"rack": rack, "why": f"{need[rack]} clean vials are needed, {left} left"})
    if short:
        for rack in {block.rack for block in session.lab.reaction_blocks} - set(short):
            ask(session, "vials", {"rack": rack, "why": f"they are one load with {short[0]}"})
        session.store.update_deck(vials_used=0, vials_elsewhere={}, vial_load=deck["vial_load"] + 1)
        deck = deck_now(session)
    used = vials_used(session.lab, deck)
    free = {rack: iter(wells[rack][used[rack] :]) for rack in need}
    return [next(free[at_c[t]]) for t in wanted_c]


def racks_at(lab: Lab, wanted_c: Sequence[float]) -> dict[float, str]:
    """Return a rack for each temperature, every rack with one; raise `Refused` when the blocks cannot hold them."""
    distinct = list(dict.fromkeys(wanted_c))
    for blocks in permutations(lab.reaction_blocks, len(distinct)):
        if all(b.low_c - 1e-9 <= t <= b.high_c + 1e-9 for b, t in zip(blocks, distinct, strict=True)):
            return {t: b.rack for b, t in zip(blocks, distinct, strict=True)}
    held = ", ".join(f"{b.rack} {b.low_c:g} .. {b.high_c:g} degC" for b in lab.reaction_blocks)
    wanted = ", ".join(f"{t:g}" for t in distinct)
    raise Refused(f"{lab.name} cannot hold {wanted} degC at once: {held}; plan batches of fewer temperatures")


def vials_used(lab: Lab, deck: Mapping[str, Any]) -> dict[str, int]:
    """Return how many vials of each reaction block are used."""
    first, *others = (block.rack for block in lab.reaction_blocks)
    return {first: deck["vials_used"], **{rack: deck["vials_elsewhere"].get(rack, 0) for rack in others}}


def dilution_vials(session: Session) -> tuple[str, ...]:
    """Return the clean vials that stocks can be diluted in, in order."""
    rack = session.lab.dilution_rack
    return tuple(rack_wells(rack, session.lab.deck[rack].wells)[deck_now(session)["dilutions_made"] :]) if rack else ()


def rack_wells(rack: str, n: int) -> list[str]:
    """Return the places of a rack of four rows in the order in which they are used."""
    columns = n // 4
    return [f"{rack}/{'ABCD'[i // columns]}{i % columns + 1}" for i in range(n)]


def restock(session: Session, run: Run) -> None:
    """Ask for every tip rack, stock and waste bottle that this run would exhaust."""
    deck, lab = deck_now(session), session.lab
    for pipette in lab.pipettes:
        gone = deck["tips_gone"].get(pipette.mount, 0)
        room = TIPS_PER_RACK * len(pipette.tip_racks)
        if gone + run.tips[pipette.mount] > room:
            ask(
                session,
                "tips",
                {"mount": pipette.mount, "racks": list(pipette.tip_racks), "why": f"{gone} of {room} used"},
            )
            session.store.update_deck(tips_gone={**deck["tips_gone"], pipette.mount: 0})
            deck = deck_now(session)
    _restock_dilutions(session, run)
    at = sources(session)
    left = left_ul(session)
    gone = gone_after_ul(lab, session.campaign.stocks.values(), run)
    for name, draw_ul in run.draws_ul.items():
        place, stock = lab.deck[lab.locate(at[name])[0]], session.campaign.stocks[name]
        if draw_ul > 0 and left[at[name]] - draw_ul - gone[at[name]] < place.dead_ul:
            full = stock.volume_ul / len(stock.at)
            why = (
                f"{draw_ul:.0f} uL of {name} are needed and {gone[at[name]]:.0f} evaporate meanwhile, "
                f"{left[at[name]]:.0f} left with {place.dead_ul:.0f} unreachable"
            )
            ask(session, at[name], {"stock": name, "volume_ul": full, "why": why})
            _load(session, stock, at[name], f"{name} refilled")
    if deck["waste_ul"] + run.waste_ul > lab.limits.waste_ul:
        ask(session, "waste", {"why": f"{deck['waste_ul'] / 1000:.0f} mL in the waste bottle"})
        session.store.update_deck(waste_ul=0.0)


def _restock_dilutions(session: Session, run: Run) -> None:
    """Ask for clean vials when this run dilutes and the next one could not any more."""
    rack = session.lab.dilution_rack
    if run.dilutions and len(dilution_vials(session)) < 2 * len(run.dilutions):
        ask(
            session, rack, {"rack": rack, "why": f"{len(dilution_vials(session))} clean vials left to dilute stocks in"}
        )
        session.store.update_deck(dilutions_made=0)


def after(session: Session, run: Run) -> dict[str, Any]:
    """Return the deck as it will be after ``run``."""
    deck = deck_now(session)
    gone = {mount: deck["tips_gone"].get(mount, 0) + n for mount, n in run.tips.items()}
    first, *others = (block.rack for block in session.lab.reaction_blocks)
    taken = Counter(session.lab.locate(well)[0] for well in run.wells.values())
    return {
        "vials_used": deck["vials_used"] + taken[first],
        "vials_elsewhere": {rack: deck["vials_elsewhere"].get(rack, 0) + taken[rack] for rack in others},
        "vial_load": deck["vial_load"],
        "dilutions_made": deck["dilutions_made"] + len(run.dilutions),
        "tips_gone": gone,
        "waste_ul": deck["waste_ul"] + run.waste_ul,
    }


def runway_after(session: Session, run: Run) -> dict[str, Any]:
    """Return how long every supply lasts once ``run`` is done, by what all attempts so far took, as JSON."""
    at, left = sources(session), left_ul(session)
    for name, draw_ul in run.draws_ul.items():
        left[at[name]] -= draw_ul
    past = [Batch(wells=a.plan["wells"], takes=a.plan["takes"]) for a in session.store.attempts() if "takes" in a.plan]
    left_over = supplies(session.lab, session.campaign.stocks, left_ul=left, deck=after(session, run))
    return {one.name: one.facts for one in runway(left_over, [*past, Batch.of(run)])}


def ask(session: Session, what: str, detail: Mapping[str, Any]) -> None:
    """Ask the operator and go on when it is done; raise `NeedsPerson` while it is not."""
    store = session.store
    detail = {**detail, "after_attempts": len(store.attempts())}
    if any(r.what == what and r.detail == detail and r.answer for r in store.requests()):
        return
    number = store.request(what, **detail)
    session.say(f"operator: {what} please ({detail['why']})")
    if not session.operator.ask(what, detail):
        raise NeedsPerson(
            f"request {number}: {what} ({detail['why']}). When it is done: "
            f"sdl resolve {session.campaign.file} --request {number} --by NAME, then sdl resume"
        )
    store.answer(number, "done", "operator of the lab")

"""What really stands in the stock vials now: which lot, how old, and how much stronger for the solvent it lost.

The store's deck entry ``standing`` remembers each location; it is advanced on the lab clock whenever a batch is
suggested or planned. A batch is suggested and approved in the composition of that moment, so its microlitres stay as
approved; the design that was made is computed with the composition at the time of the run.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sdl.attempt.session import Session
from sdl.campaign import Campaign, Stock
from sdl.chemistry.compiler import Compiler
from sdl.chemistry.evaporation import Standing, age_h, corrected, losses_ul_h

STANDING = "standing"
"""The deck entry that holds `Standing` of every location, as JSON."""


def standing(session: Session) -> dict[str, Standing]:
    """Return what stands at every stock location now; a location that nobody loaded yet is left out."""
    stored: Mapping[str, Mapping[str, Any]] = session.store.deck().get(STANDING, {})
    left, now_s = session.store.stock_left(), session.clock.now_s()
    loses_ul_h = losses_ul_h(session.lab, session.campaign.stocks.values())
    found = {}
    for stock in session.campaign.stocks.values():
        for at in stock.at:
            if at in stored:
                told = {**stored[at], "made_s": _nan(stored[at]["made_s"])}
                found[at] = Standing(**told).at(now_s, ledger_ul=left.get(at, 0.0), loss_ul_h=loses_ul_h[at])
    return found


def remember(session: Session, standings: Mapping[str, Standing]) -> None:
    """Write down what stands where, if it is news."""
    told = {at: _json(one) for at, one in standings.items()}
    if told != session.store.deck().get(STANDING):
        session.store.update_deck(**{STANDING: told})


def loaded(session: Session, stock: Stock) -> Standing:
    """Return ``stock`` as it stands at the moment it is put on the deck."""
    now_s = session.clock.now_s()
    return Standing(
        lot=stock.lot, loaded_s=now_s, seen_s=now_s, made_s=now_s - age_h(stock, datetime.now(UTC)) * 3600.0
    )


def stocks_now(session: Session, sources: Mapping[str, str]) -> dict[str, Stock]:
    """Return the stocks with the composition they have now at the locations they are drawn from."""
    standings = standing(session)
    remember(session, standings)
    return {
        name: corrected(stock, standings[sources[name]]) if sources[name] in standings else stock
        for name, stock in session.campaign.stocks.items()
    }


def campaign_now(session: Session, stocks: Mapping[str, Stock]) -> Campaign:
    """Return the campaign with these stocks in place of those of its file."""
    return dataclasses.replace(session.campaign, stocks=stocks)


def stocks_json(stocks: Mapping[str, Stock], sources: Mapping[str, str]) -> dict[str, Any]:
    """Return what a batch used, to be stored with it: place, lot, and mmol/L as corrected."""
    return {
        name: {"at": sources[name], "lot": stock.lot, "made": stock.made, "contains": dict(stock.contains)}
        for name, stock in stocks.items()
    }


def compiler_of(session: Session, stored: Mapping[str, Mapping[str, Any]]) -> Compiler:
    """Return the compiler for stocks as `stocks_json` wrote them down."""
    stocks = {
        name: dataclasses.replace(stock, contains=stored[name]["contains"]) if name in stored else stock
        for name, stock in session.campaign.stocks.items()
    }
    return Compiler.of(campaign_now(session, stocks))


def _json(one: Standing) -> dict[str, Any]:
    return {**dataclasses.asdict(one), "made_s": None if math.isnan(one.made_s) else one.made_s}


def _nan(value: float | None) -> float:
    return math.nan if value is None else value

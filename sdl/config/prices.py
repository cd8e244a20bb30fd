"""What stocks and the robot's time cost, as a campaign file says it: amounts of one currency per volume or hour."""

from __future__ import annotations

import re

from sdl.campaign import Prices
from sdl.config import quantities
from sdl.config.report import Report
from sdl.config.schema import CampaignFile
from sdl.errors import Refused

_PRICE = re.compile(r"(?P<amount>\S+)\s+(?P<currency>[A-Z]{3})\s*/\s*(?P<unit>[A-Za-zµμ]+)")
_EXAMPLE = {"uL": "12 EUR/mL", "s": "20 EUR/h"}


def prices_of(file: CampaignFile, report: Report) -> Prices | None:
    """Return the prices of a campaign file; None where it gives none."""
    written: dict[tuple[str, ...], tuple[object, str]] = {
        ("stocks", name, "price"): (stock.price, "uL")
        for name, stock in (file.stocks or {}).items()
        if stock.price is not None
    }
    if file.budget and file.budget.robot_time is not None:
        written["budget", "robot_time"] = file.budget.robot_time, "s"
        if file.mode == "offline":
            report.say("budget", "robot_time", text="no robot works in mode: offline; remove it", key=True)
    per: dict[tuple[str, ...], float] = {}
    currency = ""
    for loc, (value, unit) in written.items():
        with report.at(*loc):
            amount, named = _price(value, unit)
            currency = currency or named
            if named != currency:
                raise Refused(f"'{value}' is in {named}, another price in {currency}; give all in one currency")
            per[loc] = amount
    if not per:
        return None
    stocks = {loc[1]: amount for loc, amount in per.items() if loc[0] == "stocks"}
    return Prices(currency=currency, stock_per_ul=stocks, robot_per_s=per.get(("budget", "robot_time"), 0.0))


def _price(value: object, unit: str) -> tuple[float, str]:
    """Return how much one ``unit`` costs, and the currency; raise `Refused` with advice."""
    found = _PRICE.fullmatch(quantities.tidy(str(value)))
    if found is None:
        what = "a volume" if unit == "uL" else "time"
        raise Refused(f"{quantities.shown(value)} is not a price of {what}; write for example {_EXAMPLE[unit]}")
    amount = quantities.number(found["amount"], "")
    if amount <= 0:
        raise Refused(f"'{value}' is not above 0; leave the entry out where it costs nothing")
    return amount / quantities.number(f"1 {found['unit']}", unit), found["currency"]

"""The pauses of a list: in the plan's order, each tied to what it times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Handshakes:
    """ "AT <s> <action> <location>" binds the next movement of liquid, "READ <label> <location>" the one before."""

    def __init__(self, plan: Sequence[str], refuse: Callable[[str], None], probe: str = "") -> None:
        self.plan, self.refuse, self.probe = tuple(plan), refuse, probe
        self.seen: list[str] = []
        self.due: tuple[str, str] | None = None
        self.in_cell = ""

    def pause(self, params: Mapping[str, Any]) -> None:
        """Take the next pause; only the first that differs from the plan is reported, the rest follow from it."""
        message, before = params["message"], len(self.seen)
        self._undone()
        wanted = self.plan[before] if before < len(self.plan) else "none"
        if message != wanted and self.seen == list(self.plan[:before]):
            self.refuse(f"pauses with {message!r}, the plan has {wanted!r}; a timed step lost or gained its pause")
        self.seen.append(message)
        kind, _, rest = message.partition(" ")
        what, _, location = rest.rpartition(" ")
        if kind == "AT":
            self.due = ("aspirate" if what.endswith("read") else "dispense", location)
        elif location not in (self.in_cell, self.probe):
            self.refuse(f"reads {location}, and {self.in_cell or 'nothing'} is in the cell; fill the cell first")

    def happened(self, verb: str, location: str) -> None:
        """Hold the first draw (of a read) or delivery (of any other step) after a pause against its location."""
        if self.due and self.due[0] == verb:
            if self.due[1] != location:
                self.refuse(f"{self.seen[-1]!r} is followed by {verb} at {location}; keep steps behind their pauses")
            self.due = None

    def end(self) -> None:
        """Refuse pauses that never came."""
        self._undone()
        if missing := self.plan[len(self.seen) :]:
            self.refuse(f"{len(missing)} pause(s) of the plan never come, the first is {missing[0]!r}; render it again")

    def _undone(self) -> None:
        if self.due:
            self.refuse(f"nothing was done at {self.due[1]} after its pause; keep steps behind their pauses")
        self.due = None

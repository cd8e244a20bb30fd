"""What goes wrong once in a laboratory: on the wire, at the robot, at the reader, or by a person's hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong once, at the first call of one kind or at one moment of the run."""

    name: str
    call: str = ""  # upload, create, play, release, get, reader
    way: str = ""  # lost, acted, 500, garbage, conflict
    run: str = ""  # fails, stopped, paused, recovery, door
    released: str = ""  # the hand-shake that a person releases


NONE = Fault(name="none")

FAULTS = (
    NONE,
    Fault(name="play lost before the robot took it", call="play", way="lost"),
    Fault(name="answer to play lost", call="play", way="acted"),
    Fault(name="play answered with 500", call="play", way="500"),
    Fault(name="play answered with broken JSON", call="play", way="garbage"),
    Fault(name="answer to POST /runs lost", call="create", way="acted"),
    Fault(name="POST /runs conflicts with a foreign run", call="create", way="conflict"),
    Fault(name="answer to the upload lost", call="upload", way="acted"),
    Fault(name="a release lost before the robot took it", call="release", way="lost"),
    Fault(name="answer to a release lost", call="release", way="acted"),
    Fault(name="the run fails between injection and quench", run="fails"),
    Fault(name="a person stops the run", run="stopped"),
    Fault(name="a person pauses the run", run="paused"),
    Fault(name="a person releases the injection", released=" inject "),
    Fault(name="a person releases the quench", released=" quench "),
    Fault(name="a person releases the outcome's read", released="READ sample"),
    Fault(name="the robot waits for recovery", run="recovery"),
    Fault(name="the door is opened", run="door"),
    Fault(name="the network is down for a while", call="get", way="down"),
    Fault(name="the reader does not answer once", call="reader", way="lost"),
)


HANGS = Fault(name="the robot hangs in the middle of a step", run="hangs")
"""Not enumerated, as each case takes hundreds of looks; somebody frees the robot after `FREED_S`."""

FORGETS = Fault(name="the robot deletes the run while nobody looks", run="deleted")
STOPS_FOR_EVER = Fault(name="a stop that never completes", run="stopping")
"""Not enumerated either: the one is as a lost run, the other takes hundreds of looks until a person uses the E-stop."""

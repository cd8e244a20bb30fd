"""Everything one controller holds while it runs a campaign: the store, and the doors to the lab."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sdl.attempt.wording import campaign_json
from sdl.bench import Lab
from sdl.campaign import Campaign
from sdl.chemistry.compiler import Compiler
from sdl.errors import NeedsPerson, Refused
from sdl.lab import simulated
from sdl.lab.analysis import Analysis, analyze, default_analyzer
from sdl.lab.clock import Clock, Pace, RealTime, RemoteClock, WallClock
from sdl.lab.modelled import raise_unless_modelled
from sdl.lab.operator import Operator, Person, RemoteOperator
from sdl.lab.reader import Reader
from sdl.lab.readers import open_reader
from sdl.lab.robot import Robot
from sdl.store import Store

LONGEST_ARMED = timedelta(hours=72)
"""How far ahead a lab may be armed for unattended work (bench design; interlock I22)."""


Analyze = Callable[[Path, Sequence[Path], Path], Analysis]
"""From protocol, labware and CSV to what the robot's own software says they do."""


def tell(text: str) -> None:
    """Report progress to the person at the terminal."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """How often a going run is looked at, and how long silence is borne.

    The run is looked at every ``poll_s`` of real time; a wait on the lab clock keeps us from looking for a person's
    wish for ``heed_s`` at most; a robot that does not answer while its run goes on is waited for ``patience_s``.
    """

    poll_s: float
    heed_s: float
    patience_s: float


NETWORK = Tempo(poll_s=1.0, heed_s=2.0, patience_s=1800.0)
"""A real bench: 1 Hz (load target), a wish is heeded in 2 s, a network may be away for half an hour (chosen)."""

LOOPBACK = Tempo(poll_s=0.02, heed_s=3600.0, patience_s=0.0)
"""A lab on this machine: its clock jumps, and what does not answer is dead (chosen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One controller on one campaign; ``folder`` is the campaign's state folder."""

    campaign: Campaign
    lab: Lab
    compiler: Compiler
    store: Store
    robot: Robot
    reader: Reader
    clock: Clock
    operator: Operator
    folder: Path
    analyze: Analyze
    pace: Pace = field(default_factory=RealTime)
    tempo: Tempo = NETWORK
    say: Callable[[str], object] = tell

    def attempt_folder(self, attempt_id: str) -> Path:
        return self.folder / "attempts" / attempt_id


def open_session(campaign: Campaign, folder: Path, *, url: str = "") -> Session:
    """Claim the store, then open the doors to the lab; raise `Unreachable` when robot or reader do not answer."""
    lab = campaign.lab
    if lab is None:
        raise Refused(f"{campaign.file}: an offline campaign has no robot; use `sdl plan`")
    analyzer = Path(lab.analyzer) if lab.analyzer else default_analyzer()
    if lab.robot != "simulated":
        raise_unless_armed(lab, datetime.now(UTC))
        Robot(lab.robot).health()
    else:
        raise_unless_modelled({species for stock in campaign.stocks.values() for species in stock.contains})
    store = Store.open(folder, create=True, url=url)
    store.claim()
    store.save_campaign(Path(campaign.file).read_text(encoding="utf-8"), campaign.sha256, campaign_json(campaign))
    clock: Clock
    operator: Operator
    if lab.robot == "simulated":
        address = str(simulated.start(folder, simulated.spec_of(lab, campaign.stocks, seed=campaign.seed))["url"])
        clock, operator = RemoteClock(address), RemoteOperator(address)
    else:
        address = lab.robot
        clock, operator = WallClock(), Person()
    robot = Robot(address)
    robot.health()
    eye = open_reader(lab, clock, address)
    note = eye.status().note
    session = Session(
        campaign=campaign,
        lab=lab,
        compiler=Compiler.of(campaign),
        store=store,
        robot=robot,
        reader=eye,
        clock=clock,
        operator=operator,
        folder=folder,
        analyze=partial(analyze, analyzer_python=analyzer),
        tempo=LOOPBACK if lab.robot == "simulated" else NETWORK,
    )
    if note:
        session.say(f"reader {lab.reader.kind}: {note}")
    return session


def raise_unless_armed(lab: Lab, now: datetime) -> None:
    """Refuse an unattended campaign on a real bench that nobody answers for now (at most 72 h ahead)."""
    if not lab.armed_by or not lab.armed_until:
        raise NeedsPerson(f"{lab.name} is not armed: set armed_by and armed_until (at most 72 h ahead) in the lab file")
    until = datetime.fromisoformat(lab.armed_until)
    if not now < until <= now + LONGEST_ARMED:
        raise NeedsPerson(
            f"{lab.name} is armed until {lab.armed_until}, now it is {now:%Y-%m-%dT%H:%MZ}: it must end in the future "
            "and within 72 h; have it renewed in the lab file"
        )
    if lab.unarmed:
        raise NeedsPerson(lab.unarmed)

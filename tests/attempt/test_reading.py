"""Faults F40 to F47 of a spectrometer: what is no observation is kept, looked at again, and never believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from sdl.attempt.reading import LOOKS, look
from sdl.attempt.session import Session
from sdl.bench import Lab
from sdl.chemistry.compiler import Compiler
from sdl.errors import InstrumentChanged, StaleInstrument, Unreachable
from sdl.lab.reader import Malformed, ReaderStatus
from sdl.lab.virtual.chemistry import Growth, Mix
from sdl.lab.virtual.spectrometer import NO_FAULTS, Content, Spectrometer
from sdl.spectra import Spectrum
from sdl.spectra.types import Role
from sdl.store import Attempt, NewExperiment, Read, Store
from tests.benches import example

WELL = "vials/A1"
BLUE = Mix.of_volumes(cs_ml=0.015, pb_ml=0.04, diluent_ml=3.0)
Spoil = Callable[[tuple[Spectrum, ...]], tuple[Spectrum, ...]]


class Clock:
    def __init__(self) -> None:
        self.s = 1.8e9

    def now_s(self) -> float:
        self.s += 0.25
        return self.s

    def wait_until(self, t_s: float) -> None:
        self.s = max(self.s, t_s)


class Eye:
    """The virtual spectrometer with faults put in: each entry of ``spoil`` spoils one look of that role."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.instrument = clock, Spectrometer(5, faults=NO_FAULTS)
        self.content: Content = "blank"
        self.spoil: dict[str, list[Spoil]] = {}
        self.looks: list[str] = []

    def status(self) -> ReaderStatus:
        return self.instrument.status

    def shorten(self) -> bool:
        return self.instrument.shorten()

    def dark(self) -> tuple[Spectrum, ...]:
        return self._spoilt("dark", self.instrument.dark(self.clock.now_s()))

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        kind = cast("Role", role)
        content: Content = "dye" if role == "dye" else "blank"
        return self._spoilt(role, self.instrument.look(content, self.clock.now_s(), kind))

    def measure(self) -> tuple[Spectrum, ...]:
        return self._spoilt("sample", self.instrument.look(self.content, self.clock.now_s(), "sample"))

    def _spoilt(self, role: str, spectra: tuple[Spectrum, ...]) -> tuple[Spectrum, ...]:
        self.looks.append(role)
        waiting = self.spoil.get(role)
        return waiting.pop(0)(spectra) if waiting else spectra


def counts(change: Callable[[Any], Any], *kinds: str) -> Spoil:
    """Return what changes the counts of every spectrum, or of those of one light path."""

    def spoil(spectra: tuple[Spectrum, ...]) -> tuple[Spectrum, ...]:
        return tuple(
            replace(s, counts=change(np.array(s.counts))) if not kinds or s.kind in kinds else s for s in spectra
        )

    return spoil


class Bench:
    """A session on a real store with one attempt of one quenched well, the virtual eye, and nothing else."""

    def __init__(self, folder: Path) -> None:
        campaign = example()
        self.clock = Clock()
        self.eye = Eye(self.clock)
        self.store = Store.open(folder, create=True)
        self.store.claim()
        self.store.save_campaign("x", "ab" * 32, {"name": "blue-465"})
        self.attempts: list[Attempt] = []
        self.said: list[str] = []
        self.session = Session(
            campaign=campaign,
            lab=cast("Lab", campaign.lab),
            compiler=Compiler.of(campaign),
            store=self.store,
            robot=cast("Any", None),  # nothing here may ask the robot
            reader=self.eye,
            clock=self.clock,
            operator=cast("Any", None),
            folder=folder,
            analyze=cast("Any", None),
            say=self.said.append,
        )
        self.number = 0

    def begin(self) -> None:
        """Make and quench a well, and take dark, blank and dye."""
        batch = len(self.attempts) + 1
        (experiment,) = self.store.add_batch(batch, [NewExperiment(kind="explore", suggestion={"design": {}})])
        csv = f"action,at_s,well,stock,value\nread,300,cell,{WELL},sample\n"
        attempt = self.store.plan_attempt(batch, {WELL: experiment.id}, {}, robot="virtual", csv=csv)
        self.attempts.append(attempt)
        now_s = self.clock.now_s()
        self.store.move_well(attempt.id, WELL, "planned", "dispensed", injected_s=now_s - 420.0)
        self.store.move_well(attempt.id, WELL, "dispensed", "quenched", quenched_s=now_s - 300.0)
        growth = Growth(BLUE)
        growth.quench(120.0, 1.0)
        growth.advance(420.0)
        self.eye.content = growth
        self.look("blank")
        self.look("dye")

    def look(self, label: str = "sample") -> list[Read]:
        """Serve one hand-shake and return the reads that it added."""
        self.number += 1
        before = {r.id for r in self.reads()}
        look(
            self.session, self.attempts[-1], f"c{self.number}", label=label, location=WELL if label == "sample" else "x"
        )
        return [r for r in self.reads() if r.id not in before]

    def reads(self) -> list[Read]:
        return self.store.reads(attempt=self.attempts[-1].id)

    def sample(self) -> Read:
        return [r for r in self.reads() if r.label == "sample"][-1]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a store in which nothing has happened."""
    with Store.open(tmp_path_factory.mktemp("empty"), create=True) as store:
        pass
    return store.path.read_bytes()


@pytest.fixture
def bench(tmp_path: Path, empty: bytes) -> Iterator[Bench]:
    (tmp_path / "store.sqlite").write_bytes(empty)
    made = Bench(tmp_path)
    made.begin()
    yield made
    made.store.close()


def labels(reads: Sequence[Read]) -> list[str]:
    return [r.label for r in reads]


def test_a_sound_look_is_one_read_with_its_features(bench: Bench) -> None:
    (read,) = bench.look()
    assert (read.label, read.outcome, read.flags) == ("sample", True, ())
    assert {"x1_nm", "pl_peak_nm", "plqy"} <= bench.sample().features.values.keys()


def test_f40_a_saturated_look_is_kept_and_taken_again_with_half_the_time(bench: Bench) -> None:
    bench.eye.spoil["sample"] = [counts(lambda c: np.where(c > 3000, 6e4, c), "pl")]
    reads = bench.look()
    assert [r.label for r in reads if r.label != "dark"] == ["rejected", "sample"]
    assert "saturated" in reads[0].flags and not reads[0].outcome
    short = bench.store.spectra(bench.sample().id)[0]
    assert short.integration_ms == 1.0
    assert max(s.counts.max() for s in bench.store.spectra(reads[0].id) if s.kind == "pl") == 6e4  # raw kept


def test_a_look_of_half_the_time_gives_the_same_features(bench: Bench) -> None:
    bench.look()
    whole = bench.sample().features
    bench.eye.shorten()
    bench.look()
    half = bench.sample().features
    for name in ("x1_nm", "pl_peak_nm", "fwhm_nm", "plqy", "a365"):
        one, other = whole.values[name], half.values[name]
        assert abs(one.value - other.value) < 4 * np.hypot(one.sd, other.sd), name


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (lambda c: np.full(c.shape, np.nan), "broken_pixels"),
        (lambda c: np.where(np.arange(c.size) % 2, np.inf, c), "broken_pixels"),
        (lambda c: 0.0 * np.nan_to_num(c), "flat"),
        (lambda c: np.nan_to_num(c) * 0 + 1234.5, "flat"),
        (lambda c: -np.nan_to_num(c), "negative"),
    ],
    ids=["nan", "inf", "zero", "constant", "negative"],
)
def test_f41_numbers_that_are_no_light_are_quarantined_with_the_reason(
    bench: Bench, change: Callable[[Any], Any], flag: str
) -> None:
    bench.eye.spoil["sample"] = [counts(change)]
    first, second = bench.look()
    assert (first.label, second.label) == ("rejected", "sample")
    assert flag in first.flags
    assert len(bench.store.spectra(first.id)) == 2


def test_f41_a_lamp_that_is_off_is_told_from_the_shutter_by_a_new_dark(bench: Bench) -> None:
    off = np.random.default_rng(1)
    bench.eye.spoil["sample"] = [counts(lambda c: 1000.0 + off.normal(0, 2, c.size), "absorption")]
    reads = bench.look()
    assert labels(reads) == ["rejected", "dark", "sample"]
    assert "lamp_off" in reads[0].flags


def test_f41_a_well_that_no_look_could_see_stays_unmeasured_and_may_be_read_again(bench: Bench) -> None:
    bench.eye.spoil["sample"] = [counts(lambda c: np.full(c.shape, np.nan))] * LOOKS
    assert labels(bench.look()) == ["rejected"] * LOOKS
    assert [w.state for w in bench.store.wells(bench.attempts[-1].id)] == ["quenched"]
    assert labels(bench.look()) == ["sample"]
    assert [w.state for w in bench.store.wells(bench.attempts[-1].id)] == ["measured"]


def again(bench: Bench) -> Spoil:
    """Return a spoiling by which the instrument repeats its last read."""

    def repeat(spectra: tuple[Spectrum, ...]) -> tuple[Spectrum, ...]:
        known = {s.kind: s.counts for s in bench.store.spectra(bench.reads()[-1].id)}
        return tuple(replace(s, counts=known[s.kind]) for s in spectra)

    return repeat


def test_f42_the_same_bytes_again_are_stale_and_looked_at_again(bench: Bench) -> None:
    bench.eye.spoil["sample"] = [again(bench)]
    first, second = bench.look()
    assert (first.label, first.flags, second.label) == ("rejected", ("stale",), "sample")


def test_f42_three_times_the_same_bytes_stop_the_campaign(bench: Bench) -> None:
    bench.eye.spoil["sample"] = [again(bench)] * LOOKS
    with pytest.raises(StaleInstrument, match="the same bytes 3 times"):
        bench.look()
    assert labels(bench.reads())[-LOOKS:] == ["rejected"] * LOOKS


def test_f43_a_read_after_its_window_is_flagged_and_no_outcome(bench: Bench) -> None:
    bench.clock.s += 60.0
    (read,) = bench.look()
    assert (read.label, read.flags, read.outcome) == ("sample", ("timing",), False)


def test_f43_a_spectrum_of_before_the_call_is_not_this_wells(bench: Bench) -> None:
    bench.eye.spoil["sample"] = [lambda spectra: tuple(replace(s, time_s=s.time_s - 600.0) for s in spectra)]
    first, second = bench.look()
    assert (first.flags, second.label) == (("late",), "sample")


def test_f44_a_spectrum_cut_short_is_refused_and_kept(bench: Bench) -> None:
    def cut(spectra: tuple[Spectrum, ...]) -> tuple[Spectrum, ...]:
        return tuple(replace(s, wavelength_nm=s.wavelength_nm[:-1], counts=s.counts[:-1]) for s in spectra)

    bench.eye.spoil["sample"] = [cut]
    first, second = bench.look()
    assert "truncated" in first.flags and (first.label, second.label) == ("rejected", "sample")
    assert bench.store.spectra(first.id)[0].counts.size == bench.store.spectra(second.id)[0].counts.size - 1


def test_f44_what_is_no_spectrum_at_all_is_kept_bit_for_bit(bench: Bench) -> None:
    def garbage(spectra: tuple[Spectrum, ...]) -> tuple[Spectrum, ...]:
        raise Malformed("counts are text", raw=b'{"spectra": [1')

    bench.eye.spoil["sample"] = [garbage]
    first, second = bench.look()
    assert (first.label, second.label) == ("rejected", "sample")
    kept = list((bench.session.attempt_folder(bench.attempts[-1].id) / "rejected").iterdir())
    assert [path.read_bytes() for path in kept] == [b'{"spectra": [1']


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"wavelength_nm": np.arange(300.25, 700.5, 0.5)}, "wavelength grid .* changed"),
        ({"wavelength_nm": np.arange(300.0, 700.25, 0.5)[::-1]}, "wavelength grid .* changed"),
        ({"instrument": "another"}, "the instrument was virtual-5, now it is another"),
    ],
    ids=["shifted", "reversed", "serial"],
)
def test_f45_another_grid_or_serial_number_stops_the_campaign_and_is_kept(
    bench: Bench, change: dict[str, Any], why: str
) -> None:
    bench.eye.spoil["sample"] = [lambda spectra: tuple(replace(s, **change) for s in spectra)]
    with pytest.raises(InstrumentChanged, match=why) as caught:
        bench.look()
    assert caught.value.exit_code == 6
    assert bench.store.spectra(bench.reads()[-1].id)[0].counts.size == 801


def test_f45_another_instrument_in_the_next_batch_is_seen_at_its_first_dark(bench: Bench) -> None:
    bench.eye.spoil["dark"] = [lambda spectra: tuple(replace(s, instrument="another") for s in spectra)]
    with pytest.raises(InstrumentChanged, match="begin a new campaign with this one as history"):
        bench.begin()
    assert labels(bench.reads()) == ["rejected"]


def test_f46_a_reader_that_is_gone_leaves_the_well_to_be_measured_later(bench: Bench) -> None:
    def gone(spectra: tuple[Spectrum, ...]) -> tuple[Spectrum, ...]:
        raise Unreachable("unplugged")

    bench.eye.spoil["sample"] = [gone]
    before = len(bench.reads())
    with pytest.raises(Unreachable, match="unplugged"):
        bench.look()
    assert len(bench.reads()) == before
    assert [w.state for w in bench.store.wells(bench.attempts[-1].id)] == ["quenched"]
    assert labels(bench.look()) == ["sample"]


def test_f47_a_dark_of_16_minutes_is_taken_again_and_a_blank_of_9_hours_refused(bench: Bench) -> None:
    bench.clock.s += 16 * 60.0
    assert labels(bench.look()) == ["dark", "sample"]
    bench.clock.s += 9 * 3600.0
    bench.look()
    found = bench.sample().features
    assert {"old_blank", "old_dye"} <= set(found.flags)
    assert "x1_nm" not in found.values and "plqy" not in found.values


def bubble(spectra: tuple[Spectrum, ...]) -> tuple[Spectrum, ...]:
    rng = np.random.default_rng(3)
    return tuple(
        replace(s, counts=1000.0 + (s.counts - 1000.0) * rng.normal(0.6, 0.01, s.counts.size)) for s in spectra
    )


def test_a_read_that_a_crash_cut_off_from_its_release_is_neither_taken_nor_said_again(bench: Bench) -> None:
    (read,) = bench.look()
    said, looks = list(bench.said), len(bench.eye.looks)
    bench.number -= 1
    assert bench.look() == []
    assert bench.said == said and len(bench.eye.looks) == looks
    assert bench.store.read(read.id) == bench.reads()[-1]


def test_a_bubble_in_an_aliquot_is_looked_at_again_while_it_is_in_the_cell(bench: Bench) -> None:
    bench.eye.spoil["sample"] = [bubble]
    first, second = bench.look()
    assert labels([first, second]) == ["sample", "sample"]
    assert "bubble" in bench.store.read(first.id).features.flags
    assert {"x1_nm", "plqy"} <= bench.sample().features.values.keys()


def test_a_bubble_in_the_dye_does_not_cost_the_batch_its_yields(bench: Bench) -> None:
    bench.eye.spoil["dye"] = [bubble]
    reads = bench.look("dye")
    assert labels(reads) == ["rejected", "dye"]
    assert reads[0].flags[0] == "bad_dye"
    bench.look()
    assert "plqy" in bench.sample().features.values


def test_a_dye_that_cannot_be_seen_is_replaced_by_the_last_good_one_with_a_larger_sd(bench: Bench) -> None:
    bench.look()
    fresh = bench.sample().features.values["plqy"]
    bench.clock.s += 4 * 3600.0
    bench.eye.spoil["dye"] = [bubble] * LOOKS
    bench.begin()
    assert "dye" not in labels(bench.reads())
    bench.look()
    old = bench.sample().features.values["plqy"]
    assert old.sd / old.value > fresh.sd / fresh.value + 0.01  # four hours of 1 % an hour


def test_a_look_is_taken_once_however_often_it_is_asked_for(bench: Bench) -> None:
    bench.eye.spoil["sample"] = [counts(lambda c: np.full(c.shape, np.nan))]
    bench.look()
    looks, reads = len(bench.eye.looks), len(bench.reads())
    bench.number -= 1
    assert bench.look() == []
    assert (len(bench.eye.looks), len(bench.reads())) == (looks, reads)


def test_what_a_rinse_left_is_seen_and_flags_the_next_well(bench: Bench) -> None:
    stain = 10 ** -(0.02 * (np.linspace(300, 700, 801) < 480))
    bench.eye.spoil["blank"] = [counts(lambda c: 1000.0 + (c - 1000.0) * stain, "absorption")] * LOOKS
    assert labels(bench.look("rinse")) == ["rejected"] * LOOKS
    assert bench.reads()[-1].flags == ("carry_over",)
    bench.look()
    assert "carry_over" in bench.sample().features.flags
    assert labels(bench.look("rinse")) == ["rinse"]
    bench.look()
    assert "carry_over" not in bench.sample().features.flags


def test_a_clean_rinse_becomes_the_blank_when_the_old_one_is_half_its_age(bench: Bench) -> None:
    bench.clock.s += 5 * 3600.0
    assert labels(bench.look("rinse")) == ["dark", "blank"]
    bench.clock.s += 5 * 3600.0
    bench.look()
    assert "old_blank" not in bench.sample().features.flags

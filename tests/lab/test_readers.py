"""The drivers: an emulated Ocean spectrometer, a folder that a program writes into, and a robot's plate reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from seatease.cseatease import SeaTeaseDevice
from seatease.spectrometers import Spectrometer as Emulated

from sdl.bench import Place
from sdl.errors import InstrumentChanged, NeedsPerson, Refused, Unreachable
from sdl.lab.readers import FolderReader, OceanReader, PlateReader
from sdl.lab.readers.exposure import DROPPED, TARGET, better_integration, brought_to
from sdl.lab.readers.ocean import FULL_WELL_E, lamp_enable
from sdl.lab.virtual.plate import VirtualPlateReader
from sdl.spectra.types import Spectrum
from sdl.spectra.types import spectrum as given
from tests.lab.conftest import Bench
from tests.spectra import vendor_files as vendor

Array = NDArray[np.float64]
GRID_NM = np.linspace(300.0, 700.0, 256)


class Clock:
    """A lab clock that stands where it is put."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.s = now_s

    def now_s(self) -> float:
        return self.s

    def wait_until(self, t_s: float) -> None:
        self.s = max(self.s, t_s)


class Lit(Emulated):  # type: ignore[misc]
    """The emulator behind a lamp with a shutter: its own line is the lamp, scaled; frames are counted."""

    brightness = 1.0

    def __init__(self, serial: str = "1") -> None:
        super().__init__(SeaTeaseDevice(serial))
        self.lit = True
        self.frames = 0
        self.fails: list[Exception] = []

    def integration_time_micros(self, integration_time_micros: int) -> None:
        self.exposure_us = integration_time_micros  # the emulator sleeps for its own time: the shortest

    def intensities(self, **_: Any) -> Array:
        self.frames += 1
        if self.fails:
            raise self.fails.pop()
        light = self.brightness * self.exposure_us * np.exp(-(((self.wavelengths() - 500.0) / 80.0) ** 2)) / 2.0
        return np.clip(light * self.lit + 100.0, 0, self.max_intensity)


def shutter(device: Any, lit: bool) -> None:
    device.lit = lit


def ocean(device: Lit, **more: Any) -> OceanReader:
    return OceanReader(lambda: device, Clock(), averages=3, light=shutter, **more)


def test_the_emulator_itself_gives_a_spectrum_through_the_driver() -> None:
    """Nothing of the emulator is replaced here: its noise, its line at 500 nm, its limits."""
    reader = OceanReader(lambda: Emulated(SeaTeaseDevice("7")), Clock(), averages=2, light=lambda device, lit: None)
    told = reader.status()
    assert told.instrument == "USB2000-esk:7"
    assert "never on a spectrometer" in told.note
    (seen,) = reader.measure()
    assert seen.grid_id == told.grid_id
    assert seen.integration_ms == 3.0  # 2 ms is below what this device can
    assert (seen.averages, seen.full_well, seen.counts.size) == (2, FULL_WELL_E, 4096)
    assert abs(seen.wavelength_nm[np.argmax(seen.counts)] - 500.0) < 10.0
    reader.close()


def test_a_blank_sets_the_integration_time_and_drops_the_first_frames() -> None:
    device = Lit()
    device.brightness = 0.05
    reader = ocean(device)
    device.frames = 0
    (blank,) = reader.reference("blank")
    share = (blank.counts.max()) / FULL_WELL_E
    assert 0.6 < share < 0.9
    assert blank.integration_ms == reader.integration_ms > 3.0
    assert device.frames >= 3 + 2 * DROPPED  # the averaged ones, and two after each change


def test_a_dark_is_taken_behind_a_closed_shutter_that_opens_again() -> None:
    device = Lit()
    reader = ocean(device)
    (dark,) = reader.dark()
    assert dark.counts == pytest.approx(100.0 * FULL_WELL_E / device.max_intensity)
    assert device.lit


@pytest.mark.parametrize(
    ("share", "wanted_ms"), [(0.8, 4.0), (1.0, 2.0), (0.4, 8.0), (0.0, 40.0), (0.95, 4.0 * TARGET / 0.95)]
)
def test_integration_follows_the_brightest_pixel_within_its_limits(share: float, wanted_ms: float) -> None:
    assert better_integration(4.0, share, 1.0, 1000.0) == pytest.approx(wanted_ms)
    assert better_integration(4.0, share, 3.0, 5.0) == pytest.approx(min(max(wanted_ms, 3.0), 5.0))


def test_a_saturated_read_can_be_shortened_until_the_device_ends() -> None:
    reader = ocean(Lit(), integration_ms=10.0)
    assert reader.shorten() and reader.integration_ms == 5.0
    assert reader.shorten() and reader.integration_ms == 3.0
    assert not reader.shorten()


def test_a_read_of_half_the_time_means_the_same_light() -> None:
    def read(counts: float, ms: float) -> Spectrum:
        whole = given([1.0, 2.0], [counts, counts], kind="pl", role="sample")
        return Spectrum(**{name: getattr(whole, name) for name in _FIELDS} | {"integration_ms": ms, "averages": 100})

    found = brought_to(read(1100.0, 1.0), read(100.0, 1.0), read(200.0, 2.0))
    assert found.counts == pytest.approx(2200.0)
    assert (found.integration_ms, found.averages) == (2.0, 50)


_FIELDS = ("kind", "role", "wavelength_nm", "counts", "time_s", "instrument")


def test_a_cable_that_was_out_is_looked_at_again_and_three_times_is_enough() -> None:
    device = Lit()
    reader = ocean(device)
    device.fails = [OSError("pipe")]
    assert reader.measure()[0].role == "sample"
    device.fails = [OSError("pipe")] * 100
    with pytest.raises(Unreachable, match=r"failed 3 times: pipe; check its cable"):
        reader.measure()


def test_a_device_ten_times_too_slow_is_given_up() -> None:
    hours = iter(range(0, 10**9, 3600))
    with pytest.raises(Unreachable, match="did not come in"):
        ocean(Lit(), monotonic_s=lambda: float(next(hours))).measure()


def test_another_serial_number_after_a_reconnect_is_another_instrument() -> None:
    first, second = Lit("1"), Lit("2")
    devices = iter([first, second])
    reader = OceanReader(lambda: next(devices), Clock(), averages=1, light=shutter)
    first.fails = [OSError("pipe")]
    with pytest.raises(InstrumentChanged, match="spectrometer 1 is now 2: its dark, blank and dye are void"):
        reader.measure()


def test_a_device_without_a_lamp_line_asks_for_a_hand_in_the_dark() -> None:
    with pytest.raises(NeedsPerson, match="close it by hand"):
        lamp_enable(Emulated(SeaTeaseDevice("3")), False)


class Saves:
    """A vendor's program: each wait of the reader is a moment in which it may write."""

    def __init__(self, folder: Path, moments: list[Callable[[], None]]) -> None:
        self.folder, self.moments, self.s = folder, moments, 0.0

    def wait(self, seconds: float) -> None:
        self.s += seconds
        if self.moments:
            self.moments.pop(0)()

    def now_s(self) -> float:
        return self.s


def bright(scale: float = 1.0) -> bytes:
    lamp = 3e4 * np.exp(-(((GRID_NM - 500.0) / 150.0) ** 2))
    return vendor.avasoft_8(GRID_NM, scale * lamp + 900.0, 0 * GRID_NM + 900.0, lamp + 900.0)


def folder_reader(folder: Path, moments: list[Callable[[], None]], **more: Any) -> FolderReader:
    program = Saves(folder, moments)
    return FolderReader(folder, Clock(), wait=program.wait, monotonic_s=program.now_s, **more)


def save(path: Path, raw: bytes, age_s: float = 0.0) -> None:
    path.write_bytes(raw)
    if age_s:
        told = path.stat()
        os.utime(path, (told.st_atime - age_s, told.st_mtime - age_s))


def quiet() -> None:
    return None


def test_the_second_whole_file_after_the_call_is_the_read(tmp_path: Path) -> None:
    save(tmp_path / "0.txt", bright(0.9))  # of before
    half = bright(0.5)
    moments = [
        lambda: save(tmp_path / "1.txt", bright(0.8)),  # begun before the call, perhaps
        quiet,
        lambda: save(tmp_path / "2.txt", half[: len(half) // 2]),  # being written
        lambda: save(tmp_path / "2.txt", half[: len(half) * 3 // 4]),
        lambda: save(tmp_path / "2.txt", half),
        quiet,
    ]
    (seen,) = folder_reader(tmp_path, moments).measure()
    assert seen.counts.max() == pytest.approx(0.5 * 3e4 + 900, rel=1e-3)
    assert (seen.instrument, seen.integration_ms, seen.averages) == ("1209167U1", 2.0, 250)
    assert seen.role == "sample"


def test_both_light_paths_are_told_apart_by_name(tmp_path: Path) -> None:
    def both() -> None:
        for name in ("white_1.txt", "white_2.txt"):
            save(tmp_path / name, bright())
        for name in ("well PL 1.txt", "well PL 2.txt"):
            save(tmp_path / name, vendor.oceanview(GRID_NM, 10 + 0 * GRID_NM, 0 * GRID_NM, GRID_NM))

    reader = folder_reader(tmp_path, [both, quiet], channels=("absorption", "pl"))
    white, emitted = reader.reference("dye")
    assert (white.kind, emitted.kind) == ("absorption", "pl")
    assert (white.role, emitted.counts.max()) == ("dye", 10.0)


def test_the_dark_that_the_program_saved_is_found_or_asked_for(tmp_path: Path) -> None:
    reader = folder_reader(tmp_path, [])
    with pytest.raises(NeedsPerson, match=r"save one spectrum there as dark\.txt"):
        reader.dark()
    save(tmp_path / "1.txt", bright())
    (dark,) = reader.dark()
    assert dark.counts == pytest.approx(900.0)
    save(tmp_path / "Dark_today.txt", vendor.oceanview(GRID_NM, 0 * GRID_NM + 700.0, 0 * GRID_NM, GRID_NM), age_s=300)
    (named,) = reader.dark()
    assert named.counts == pytest.approx(700.0)
    assert named.time_s == pytest.approx(Clock().now_s() - 300.0, abs=5.0)


def test_files_of_absorbance_are_compared_under_one_lamp(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)

    def absorbance(level: float) -> bytes:
        rows = level + rng.normal(0, 1e-3 * (1 + level), GRID_NM.size)
        return (
            b"wavelength_nm,absorbance\n"
            + "".join(f"{x:.2f},{y:.6f}\n" for x, y in zip(GRID_NM, rows, strict=True)).encode()
        )

    reader = folder_reader(tmp_path, [lambda: save(tmp_path / "2.csv", absorbance(0.0)), quiet], left_out=0)
    (blank,) = reader.reference("blank")
    reader._wait = Saves(tmp_path, [lambda: save(tmp_path / "3.csv", absorbance(0.3)), quiet]).wait
    (seen,) = reader.measure()
    found = -np.log10(seen.counts / blank.counts)
    assert np.median(found) == pytest.approx(0.3, abs=1e-3)


def test_a_program_that_saves_nothing_whole_is_unreachable_with_the_reason(tmp_path: Path) -> None:
    save_rubbish = [lambda: save(tmp_path / "1.txt", b"Integration time [ms]: 2.00\r\n")]
    with pytest.raises(Unreachable, match=r"no new whole spectrum in 120 s \(1\.txt: no column"):
        folder_reader(tmp_path, save_rubbish).measure()
    with pytest.raises(Unreachable, match="is no folder"):
        FolderReader(tmp_path / "absent", Clock())


def test_the_newest_file_says_which_instrument_writes(tmp_path: Path) -> None:
    reader = folder_reader(tmp_path, [])
    assert (reader.status().grid_id, reader.status().ok) == ("", True)
    save(tmp_path / "1.txt", bright())
    assert reader.status().instrument == "1209167U1"
    assert len(reader.status().grid_id) == 12


PLATE = Place(labware="sdl_96_glass_350ul", slot="B3")


@pytest.fixture
def plate_bench(open_bench: Callable[..., Bench]) -> Iterator[Bench]:
    yield open_bench([], {"plate_reader": "D3", "deck": {"plate": {"labware": "glass", "slot": "B3"}}})


def plate_reader(bench: Bench, *bands_nm: int) -> PlateReader:
    return PlateReader(bench.robot, Clock(), slot="D3", plate=PLATE, bands_nm=bands_nm or (450, 562, 600, 650))


def test_the_plate_is_read_at_its_bands_through_the_robot(plate_bench: Bench) -> None:
    world = plate_bench.inside.world
    world._vessel("plate/A2").umol, world._vessel("plate/A2").volume_ul = {"dye": 1.0}, 100.0
    reader = plate_reader(plate_bench, 400, 450, 600)
    told = reader.status()
    assert told.instrument == "absorbanceReaderV1:virtual-7-D3"
    assert "never on a device" in told.note
    (blank,), (seen,), (dark,) = reader.reference("blank"), reader.measure(), reader.dark()
    assert seen.wavelength_nm.tolist() == [400.0, 450.0, 600.0]
    assert {blank.grid_id, seen.grid_id, dark.grid_id} == {told.grid_id}
    density = -np.log10(seen.counts / blank.counts)
    assert density[0] > 0.05 and abs(density[2]) < 0.02
    assert dark.counts.tolist() == [0.0, 0.0, 0.0]


def test_a_band_that_the_unit_has_not_is_refused_by_the_robot_and_the_run_ended(plate_bench: Bench) -> None:
    with pytest.raises(Unreachable, match=r"initialize failed.*Unsupported wavelengths: \[477\]"):
        plate_reader(plate_bench, 477).measure()
    assert plate_reader(plate_bench, 450).measure()  # the failed pass left no run behind


def test_seven_bands_and_a_dye_are_more_than_a_plate_reader_can(plate_bench: Bench) -> None:
    with pytest.raises(Refused, match="1 to 6 wavelengths"):
        plate_reader(plate_bench, *range(400, 407))
    with pytest.raises(Refused, match="sees no emission"):
        plate_reader(plate_bench).reference("dye")


def test_a_robot_without_a_plate_reader_says_so(open_bench: Callable[..., Bench]) -> None:
    with pytest.raises(Unreachable, match="has no absorbance plate reader"):
        plate_reader(open_bench([])).status()


@pytest.mark.parametrize(
    ("commands", "why"),
    [
        (["absorbanceReader/read"], "initialize"),
        (["absorbanceReader/openLid", "absorbanceReader/initialize"], "lid open"),
        (["absorbanceReader/initialize", "absorbanceReader/openLid", "absorbanceReader/read"], "lid open"),
        (["moveLabware"], "lid of the plate reader is on"),
    ],
    ids=["not-initialised", "lid-off", "read-under-open-lid", "plate-onto-lid"],
)
def test_the_virtual_plate_reader_keeps_the_modules_own_rules(commands: list[str], why: str) -> None:
    device = VirtualPlateReader(slot="D3", serial="x", see=lambda slot, bands: {})
    run = device.begin()["id"]
    device.carry_out(run, {"commandType": "loadLabware", "params": {"location": {"slotName": "B3"}}})
    params = {"measureMode": "multi", "sampleWavelengths": [450], "labwareId": "plate-1"}
    told = [device.carry_out(run, {"commandType": command, "params": params}) for command in commands]
    assert [one["status"] for one in told[:-1]] == ["succeeded"] * (len(told) - 1)
    assert told[-1]["status"] == "failed" and why in told[-1]["error"]["detail"]

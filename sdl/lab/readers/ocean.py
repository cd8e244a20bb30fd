"""An Ocean spectrometer on USB, driven by python-seabreeze; its lamp's shutter hangs on the lamp-enable line.

Tried on the seatease emulator only, never on a spectrometer: the first blank and dark of a new bench want a person's
eye. After any change of light or integration time the first frames are thrown away (seabreeze issues 38 and 110: they
may be of before), a device that fails is opened again by its serial number, and a frame has a time it may take.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdl.bench import AVERAGES, INTEGRATION_MS
from sdl.errors import InstrumentChanged, NeedsPerson, Unreachable
from sdl.lab.clock import Clock
from sdl.lab.reader import ReaderStatus
from sdl.lab.readers.exposure import DROPPED, MOST_CHANGES, better_integration
from sdl.spectra.types import Kind, Role, Spectrum

Array = NDArray[np.float64]

FULL_WELL_E = 62_500.0
"""Electrons of a full pixel: Sony ILX511 of the USB2000 (Ocean Optics data sheet), and what full scale counts are."""
TRIES = 3
"""A read may be looked at again (seabreeze issue 174 needs three)."""
SLOWNESS, SLACK_S = 10.0, 5.0
"""A spectrum may take so many times its exposures, and the transfer so long (seabreeze issue 283); chosen."""
NOTE = "driver tried on an emulator only, never on a spectrometer"


class Device(Protocol):
    """What a `seabreeze.spectrometers.Spectrometer` offers, as far as it is used here."""

    @property
    def serial_number(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def max_intensity(self) -> float: ...
    @property
    def integration_time_micros_limits(self) -> tuple[int, int]: ...
    def wavelengths(self) -> Array: ...
    def intensities(self) -> Array: ...
    def integration_time_micros(self, integration_time_micros: int) -> None: ...
    def close(self) -> None: ...


class OceanReader:
    """One spectrometer with one light path; ``light`` opens and closes the lamp's shutter.

    ``opened`` opens the device; ``faults`` are the exceptions that its backend raises when the cable is out.
    """

    def __init__(
        self,
        opened: Callable[[], Device],
        clock: Clock,
        *,
        integration_ms: float = INTEGRATION_MS,
        averages: int = AVERAGES,
        light: Callable[[Device, bool], None] | None = None,
        faults: tuple[type[Exception], ...] = (OSError,),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opened, self._clock, self._light = opened, clock, light or lamp_enable
        self._faults, self._monotonic_s = (*faults, *_backend_faults()), monotonic_s
        self._averages = averages
        self._wanted_ms = integration_ms
        self._device = self._open()
        self._serial = str(self._device.serial_number)
        self._wavelength_nm = np.array(self._device.wavelengths(), dtype=float)
        self._set(integration_ms)
        self._lit: bool | None = None

    @property
    def integration_ms(self) -> float:
        """The integration time of the next exposure."""
        return self._integration_ms

    def status(self) -> ReaderStatus:
        grid = self._spectrum(np.zeros(self._wavelength_nm.size), "dark").grid_id
        name = f"{self._device.model}:{self._serial}"
        return ReaderStatus(instrument=name, grid_id=grid, channels=("absorption",), ok=True, note=NOTE)

    def dark(self) -> tuple[Spectrum, ...]:
        try:
            return self._taken("dark", lit=False)
        finally:
            self._shine(lit=True)

    def reference(self, role: str) -> tuple[Spectrum, ...]:
        """Take a blank or dye; before a blank the integration time is set to the lamp of today."""
        if role == "blank":
            self._set(self._wanted_ms)
            self._adjust()
        return self._taken("dye" if role == "dye" else "blank", lit=True)

    def measure(self) -> tuple[Spectrum, ...]:
        return self._taken("sample", lit=True)

    def shorten(self) -> bool:
        """Halve the integration time after a saturated read; return False where the device goes no lower."""
        before = self._integration_ms
        self._set(before / 2)
        return self._integration_ms < before

    def close(self) -> None:
        self._device.close()

    def _adjust(self) -> None:
        """Bring the brightest pixel to its share of full scale, in a few steps."""
        self._shine(lit=True)
        low_ms, high_ms = (limit / 1e3 for limit in self._device.integration_time_micros_limits)
        for _ in range(MOST_CHANGES):
            peak = float(np.max(self._frame()))
            wanted_ms = better_integration(self._integration_ms, peak / self._device.max_intensity, low_ms, high_ms)
            if wanted_ms == self._integration_ms:
                return
            self._set(wanted_ms)

    def _taken(self, role: Role, *, lit: bool) -> tuple[Spectrum, ...]:
        last: Exception | None = None
        for _ in range(TRIES):
            try:
                if last is not None:
                    self._reopen()
                self._shine(lit=lit)
                return (self._spectrum(self._average(), role),)
            except self._faults as exc:
                last = exc
        raise Unreachable(f"spectrometer {self._serial} failed {TRIES} times: {last}; check its cable") from last

    def _average(self) -> Array:
        allowed_s = SLACK_S + SLOWNESS * self._averages * self._integration_ms / 1e3
        give_up_s = self._monotonic_s() + allowed_s
        total = np.zeros(self._wavelength_nm.size)
        for _ in range(self._averages):
            total += self._frame()
            if self._monotonic_s() > give_up_s:
                raise OSError(f"{self._averages} exposures did not come in {allowed_s:.0f} s")
        return total / self._averages * FULL_WELL_E / self._device.max_intensity

    def _frame(self) -> Array:
        frame = np.asarray(self._device.intensities(), dtype=float)
        if frame.shape != self._wavelength_nm.shape:
            raise OSError(f"{frame.size} pixels came, {self._wavelength_nm.size} were promised")
        return frame

    def _shine(self, *, lit: bool) -> None:
        if self._lit is not lit:
            self._light(self._device, lit)
            self._lit = lit
            self._drop()

    def _set(self, wanted_ms: float) -> None:
        low_us, high_us = self._device.integration_time_micros_limits
        allowed_us = int(min(max(round(wanted_ms * 1e3), low_us), high_us))
        self._device.integration_time_micros(allowed_us)
        self._integration_ms = allowed_us / 1e3
        self._drop()

    def _drop(self) -> None:
        for _ in range(DROPPED):
            self._device.intensities()

    def _open(self) -> Device:
        try:
            return self._opened()
        except self._faults as exc:
            raise Unreachable(f"no spectrometer could be opened: {exc}; check cable, power and udev rules") from exc

    def _reopen(self) -> None:
        """Open the same device again; another serial number or grid is another instrument."""
        self._device.close()
        self._device = self._open()
        self._lit = None
        if str(self._device.serial_number) != self._serial:
            raise InstrumentChanged(f"spectrometer {self._serial} is now {self._device.serial_number}: {_NEW_SET}")
        if not np.array_equal(np.asarray(self._device.wavelengths(), dtype=float), self._wavelength_nm):
            raise InstrumentChanged(f"spectrometer {self._serial} has another wavelength grid: {_NEW_SET}")
        self._set(self._integration_ms)

    def _spectrum(self, counts: Array, role: Role, kind: Kind = "absorption") -> Spectrum:
        return Spectrum(
            kind=kind,
            role=role,
            wavelength_nm=self._wavelength_nm,
            counts=counts,
            time_s=self._clock.now_s(),
            instrument=f"{self._device.model}:{self._serial}",
            averages=self._averages,
            integration_ms=self._integration_ms,
            full_well=FULL_WELL_E,
        )


_NEW_SET = "its dark, blank and dye are void; put the old one back, or begin a new campaign with this one as history"


def seabreeze_device(serial: str) -> Device:
    """Open the Ocean spectrometer with this serial number; raise `Unreachable` with those that are there."""
    from seabreeze.spectrometers import SeaBreezeError, Spectrometer, list_devices

    try:
        there = [str(device.serial_number) for device in list_devices()]
        if serial not in there:
            found = ", ".join(there) or "none"
            raise Unreachable(f"no Ocean spectrometer with serial number {serial}; attached: {found}")
        device: Device = Spectrometer.from_serial_number(serial)
    except (SeaBreezeError, OSError) as exc:
        raise Unreachable(f"spectrometer {serial} cannot be opened: {exc}; `seabreeze_os_setup` sets rights") from exc
    return device


def lamp_enable(device: Any, lit: bool) -> None:
    """Open or close the shutter of a lamp on the lamp-enable line; raise `NeedsPerson` where there is no such line."""
    lines = device.features.get("strobe_lamp") or []
    if lines:
        lines[0].enable_lamp(lit)
    elif not lit:
        raise NeedsPerson(f"spectrometer {device.serial_number} cannot close the lamp's shutter: close it by hand")


def _backend_faults() -> tuple[type[Exception], ...]:
    from seabreeze.spectrometers import SeaBreezeError

    return (SeaBreezeError,)

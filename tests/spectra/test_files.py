"""Files of any instrument: what is in them comes out, and what is wrong with them is said."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdl.cli import command
from sdl.errors import Refused
from sdl.spectra.files import SPOILT, FileResult, features_of, listed, look_at_files
from sdl.spectra.formats import read_bytes, read_file
from sdl.spectra.table import MANY_FILES, in_words, results_of
from sdl.spectra.types import Kind
from tests.spectra import vendor_files as vendor
from tests.spectra.generator import Colloid, Instrument, truth

Array = NDArray[np.float64]
GRID_NM = np.linspace(300.0, 700.0, 1024)
COLLOID = Colloid()


def counts(kind: Kind = "absorption", seed: int = 1) -> tuple[Array, Array, Array]:
    """Return sample, dark and reference of one colloid, ``(w,)``."""
    instrument = Instrument(seed, grid_nm=GRID_NM)
    seen = (instrument.sample(COLLOID), instrument.dark(), instrument.blank())
    index = np.arange(GRID_NM.size)
    found = []
    for spectra in seen:
        values = next(s.counts for s in spectra if s.kind == kind)
        good = np.isfinite(values)
        found.append(np.interp(index, index[good], values[good]))
    return found[0], found[1], found[2]


def csv(x: Array, y: Array, header: str = "wavelength_nm,absorbance") -> bytes:
    return (header + "\n" + "".join(f"{a:.3f},{b:.6f}\n" for a, b in zip(x, y, strict=True))).encode()


def one(raw: bytes, suffix: str = "csv") -> FileResult:
    (recording,) = read_bytes(raw, suffix=suffix)
    return FileResult(file="f", kind=recording.kind, features=features_of(recording))


@pytest.mark.parametrize("name", vendor.ABSORPTION)
def test_every_layout_gives_the_absorbance_that_was_written(name: str) -> None:
    sample, dark, reference = counts()
    form, writer = vendor.ABSORPTION[name]
    recording = read_bytes(writer(GRID_NM, sample, dark, reference), suffix=name.rsplit(".", 1)[1])[0]
    assert recording.form == form
    assert recording.kind == "absorption"
    order = np.argsort(recording.wavelength_nm)
    assert recording.wavelength_nm[order] == pytest.approx(GRID_NM, abs=0.006)
    assert recording.absorbance is not None
    assert recording.absorbance[order] == pytest.approx(vendor.absorbance(sample, dark, reference), abs=2e-5)


@pytest.mark.parametrize("name", vendor.EMISSION)
def test_counts_without_a_reference_are_emission(name: str) -> None:
    sample, dark, reference = counts("pl")
    form, writer = vendor.EMISSION[name]
    (recording,) = read_bytes(writer(GRID_NM, sample, dark, reference))
    assert (recording.form, recording.kind) == (form, "pl")
    assert recording.values == pytest.approx(sample - dark, rel=1e-5, abs=1e-3)
    found = features_of(recording).values["pl_peak_nm"]
    assert abs(found.value - truth(COLLOID)["pl_peak_nm"]) < 2.0


@pytest.mark.parametrize(
    ("name", "instrument", "integration_ms"),
    [
        ("avasoft8.txt", "1209167U1", 2.0),
        ("avasoft7.ttt", "0804016U1", 2.0),
        ("jaz.jaz", "JAZA1465", 2.0),
        ("binary.raw8", "1209167U1", 2.0),
    ],
)
def test_instrument_integration_and_averages_come_from_the_header(
    name: str, instrument: str, integration_ms: float
) -> None:
    (recording,) = read_bytes(vendor.ABSORPTION[name][1](GRID_NM, *counts()))
    assert (recording.instrument, recording.averages) == (instrument, 250)
    assert recording.integration_ms == pytest.approx(integration_ms)


def test_the_ocean_headers_give_their_time_in_ms_whatever_the_unit() -> None:
    for name, (_, writer) in vendor.EMISSION.items():
        assert read_bytes(writer(GRID_NM, *counts("pl")))[0].integration_ms == pytest.approx(2.0), name


def test_a_cary_file_holds_a_spectrum_a_pair_of_columns() -> None:
    first, second = read_bytes(vendor.cary(GRID_NM, *counts()))
    assert (first.label, second.label) == ("QD_A1", "QD_A2")
    assert second.values == pytest.approx(1.1 * first.values, abs=1e-5)


@pytest.mark.parametrize(
    ("header", "axis"),
    [
        ("wavenumber [cm-1],absorbance", 1e7 / GRID_NM),
        ("Energy (eV),absorbance", 1239.841984 / GRID_NM),
        ("wavelength [µm],absorbance", GRID_NM / 1e3),
        ("Wavelength (Angstrom),absorbance", GRID_NM * 10),
    ],
    ids=["wavenumber", "eV", "micrometre", "angstrom"],
)
def test_an_axis_in_a_named_unit_becomes_nm(header: str, axis: Array) -> None:
    text = header + "\n" + "".join(f"{x:.9f},0.{n % 7}\n" for n, x in enumerate(axis))
    (recording,) = read_bytes(text.encode())
    assert recording.wavelength_nm == pytest.approx(GRID_NM, rel=1e-5)


@given(st.integers(4, 60), st.sampled_from([";", "\t", ","]), st.booleans(), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_table_comes_back_whatever_its_separator_and_decimal_sign(
    rows: int, separator: str, comma: bool, end: str
) -> None:
    x, y = 400.0 + np.arange(rows), np.sin(np.arange(rows)) + 1.5
    text = end.join(["nm" + separator + "counts", *(f"{a:.2f}{separator}{b:.4f}" for a, b in zip(x, y, strict=True))])
    if comma and separator != ",":
        text = text.replace(".", ",")
    (recording,) = read_bytes(text.encode("cp1252"))
    assert recording.wavelength_nm == pytest.approx(x)
    assert recording.values == pytest.approx(y, abs=1e-4)


@given(st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused_with_a_reason(raw: bytes) -> None:
    try:
        found = read_bytes(raw)
    except Refused as exc:
        assert str(exc)
    else:
        assert all(np.isfinite(recording.values).any() for recording in found)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "empty"),
        (b"\0" * 100, "empty"),
        (bytes(range(256)) * 9, "binary"),
        (b"AVS84\x01" + b"\0" * 50, "truncated"),
        (vendor.avasoft_8_binary(GRID_NM, *counts())[:9000], "truncated"),
        (b"notes\n12 mL of hexane\n", "no column"),
        (csv(GRID_NM[:400] * 0 + np.arange(400) % 7, GRID_NM[:400], "absorbance,value"), "columns are shuffled"),
        (csv(GRID_NM[np.random.default_rng(1).permutation(1024)], GRID_NM), "rows are shuffled"),
        (csv(np.repeat(GRID_NM, 2), np.repeat(GRID_NM, 2)), "duplicates"),
        (csv(np.linspace(1.8, 4.1, 50), np.ones(50)), "name the unit"),
        (csv(GRID_NM, GRID_NM * math.nan), "not one value"),
        (b"1;2\n2;3\n3;4\n4,5;5.5\n", "decimal comma"),
        (b"##TITLE= x\n##JCAMP-DX= 4.24\n##END=\n", "without data"),
    ],
    ids=[
        "empty",
        "nul",
        "binary",
        "cut-header",
        "cut-data",
        "prose",
        "columns",
        "rows",
        "twice",
        "unit",
        "nan",
        "decimals",
        "no-jcamp-data",
    ],
)
def test_what_is_no_spectrum_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read_bytes(raw)


ABSORBANCE = vendor.absorbance(*counts())


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        (100 * 10**-ABSORBANCE, "mis_scaled"),
        (10**-ABSORBANCE, "mis_scaled"),
        (5e4 * 10**-ABSORBANCE, "mis_scaled"),
        (1e3 * ABSORBANCE, "mis_scaled"),
        (0 * ABSORBANCE + 0.3, "flat"),
        (-ABSORBANCE - 0.2, "negative"),
        (0.06 + np.random.default_rng(2).normal(0, 5e-4, ABSORBANCE.size), "probe_in_air"),
    ],
    ids=["percent", "transmittance", "counts", "mOD", "flat", "negative", "air"],
)
def test_numbers_that_cannot_be_absorbance_are_flagged_and_give_no_features(values: Array, flag: str) -> None:
    found = one(csv(GRID_NM, values)).features
    assert flag in found.flags
    assert flag in SPOILT
    assert not found.values


def test_a_sound_spectrum_has_none_of_these_flags() -> None:
    found = one(csv(GRID_NM, ABSORBANCE)).features
    assert not SPOILT & set(found.flags)
    x1 = found.values["x1_nm"]
    assert abs(x1.value - truth(COLLOID)["x1_nm"]) < max(2.0, 3 * x1.sd)


def test_a_clipped_lamp_is_saturated() -> None:
    sample, dark, reference = counts()
    raw = vendor.avasoft_8(GRID_NM, np.minimum(sample, 30_000.0), dark, reference)
    assert "saturated" in one(raw, "txt").features.flags


def test_a_file_cut_in_the_middle_says_so() -> None:
    whole = vendor.oceanview(GRID_NM, *counts("pl"))
    assert "truncated" in one(whole[: len(whole) * 9 // 10], "txt").features.flags
    assert "truncated" not in one(whole, "txt").features.flags


def test_a_missing_pixel_is_no_reason_to_refuse() -> None:
    rows = csv(GRID_NM, ABSORBANCE).decode().replace("\n", "\n", 1).splitlines()
    rows[500] = rows[500].split(",")[0] + ",NaN"
    (recording,) = read_bytes("\n".join(rows).encode())
    assert np.isnan(recording.values).sum() == 1
    assert "x1_nm" in features_of(recording).values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, (_, writer) in vendor.ABSORPTION.items():
        (tmp_path / name).write_bytes(writer(GRID_NM, *counts()))
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "copy.csv").write_bytes((tmp_path / "plain.csv").read_bytes())
    (tmp_path / "notes.md").write_text("lamp changed on Tuesday\n")
    (tmp_path / ".hidden").write_text("1,2\n")
    return tmp_path


def test_a_folder_is_read_whole_and_names_what_it_could_not_read(folder: Path) -> None:
    results = list(look_at_files(listed([folder])))
    lost = [r for r in results if r.error]
    assert [(Path(r.file).name, r.error[:9]) for r in lost] == [("notes.md", "no column")]
    assert sum("x1_nm" in r.features.values for r in results) == len(vendor.ABSORPTION) + 2  # two of Cary, one copy
    twins = {Path(r.file).name for r in results if "duplicate" in r.features.flags}
    assert len(twins) == 1 and twins <= {"copy.csv", "plain.csv"}
    assert "Not read, 1 of" in in_words(results)


def test_a_long_folder_tells_how_long_it_still_takes(folder: Path) -> None:
    ticks = iter(range(0, 1000, 3))
    out = io.StringIO()
    results_of([folder], out=out, monotonic_s=lambda: float(next(ticks)))
    assert "1 of 11 files, about 30 s left" in out.getvalue()


def test_many_files_are_read_by_derivative_and_it_is_said_unless_the_fit_is_asked_for(tmp_path: Path) -> None:
    for number in range(MANY_FILES):
        (tmp_path / f"{number:03d}.csv").write_bytes(b"")
    (tmp_path / "whole.csv").write_bytes(vendor.plain_csv(GRID_NM, *counts()))
    out = io.StringIO()
    *_, fast = results_of([tmp_path], out=out)
    *_, fitted = results_of([tmp_path], x1_by="fit")
    assert "201 files: X1 by derivative" in out.getvalue()
    assert "x1_by_derivative" in fast.features.flags and "x1_by_derivative" not in fitted.features.flags
    assert fitted.features.values.keys() - fast.features.values.keys() == {"dispersion_percent"}
    assert fast.features.values["x1_nm"].value == pytest.approx(fitted.features.values["x1_nm"].value, abs=1.5)


def test_the_verb_prints_the_contract_and_the_exit_code_of_a_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["spectrum", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    entry = next(e for e in told if e["file"].endswith("avasoft8.txt"))
    assert entry["kind"] == "absorption" and entry["flags"] == []
    assert set(entry["features"]["x1_ev"]) == {"value", "sd"}
    product = entry["features"]["x1_ev"]["value"] * entry["features"]["x1_nm"]["value"]
    assert product == pytest.approx(1239.841984)
    assert next(e for e in told if e["file"].endswith("notes.md"))["error"]
    assert command(["spectrum", str(folder / "notes.md")]) == 2
    assert "notes.md: no column" in capsys.readouterr().out
    assert command(["spectrum", str(folder / "absent.csv")]) == 2
    assert "cannot be opened" in capsys.readouterr().out


def test_counts_alone_become_absorption_with_a_dark_and_a_blank(tmp_path: Path) -> None:
    sample, dark, reference = counts()
    for name, values in (("s", sample), ("d", dark), ("b", reference)):
        (tmp_path / name).write_bytes(csv(GRID_NM, values, "wavelength_nm,counts"))
    (found,) = results_of([tmp_path / "s"], dark=tmp_path / "d", blank=tmp_path / "b")
    assert found.kind == "absorption"
    x1 = found.features.values["x1_nm"]
    assert abs(x1.value - truth(COLLOID)["x1_nm"]) < max(2.0, 3 * x1.sd)
    other = tmp_path / "other"
    other.write_bytes(csv(GRID_NM[::2], reference[::2], "wavelength_nm,counts"))
    (refused,) = results_of([tmp_path / "s"], dark=tmp_path / "d", blank=other)
    assert "grid changed" in refused.error


def test_a_file_of_many_mebibytes_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(40 * 2**20)
    with pytest.raises(Refused, match="40 MiB is more than"):
        read_file(tmp_path / "big")


def test_the_precursor_that_is_gone_is_counted_from_the_first_spectrum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.arange(290.0, 600.0, 0.5)
    dots = 0.3 / (1 + np.exp((x - 440.0) / 6.0))
    rng = np.random.default_rng(4)
    for name, height in (("first", 0.8), ("half", 0.4), ("last", 0.0)):
        band = height * np.exp(-0.5 * ((x - 311.0) / 5.5) ** 2)
        (tmp_path / f"{name}.csv").write_bytes(csv(x, dots + band + rng.normal(0, 1e-3, x.size)))
    files = [str(tmp_path / f"{name}.csv") for name in ("half", "last")]
    assert command(["spectrum", *files, "--start", str(tmp_path / "first.csv"), "--json"]) == 0
    half, last = (r["features"]["converted"] for r in json.loads(capsys.readouterr().out))
    assert half["value"] == pytest.approx(0.5, abs=0.02) and 0.02 < half["sd"] < 0.15
    assert last["value"] == pytest.approx(1.0, abs=0.02) and abs(last["value"] - 1.0) < 3 * last["sd"]
    assert command(["spectrum", *files, "--start", str(tmp_path / "first.csv")]) == 0
    assert "converted" in capsys.readouterr().out
    assert command(["spectrum", *files, "--start", files[1]]) == 2
    assert "no clear band of the precursor at 311 to 314 nm" in capsys.readouterr().err

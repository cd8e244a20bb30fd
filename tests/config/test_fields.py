"""Names, paths and addresses that a file may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdl.config.fields import identifier, inside, moment, robot_address
from sdl.errors import Refused


@pytest.mark.parametrize("name", ["blue-465", "a", "x_1", "2nd-try"])
def test_plain_names_are_accepted(name: str) -> None:
    assert identifier(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "Blue", "no", "on", "7", "2026-11-02", "con", "a b", "../a", "a" * 65, "-a", "bl\u0443e", "a\u202e", "a\n"],
)
def test_names_that_mislead_people_or_machines_are_refused(name: str) -> None:
    with pytest.raises(Refused, match="cannot be a name"):
        identifier(name)


@pytest.mark.parametrize(
    "name",
    [
        "../a.csv",
        "/etc/passwd",
        "..\\a",
        "C:\\a",
        "a\x00b",
        "con.csv",
        "a.csv.",
        "a.csv ",
        "x" * 256,
        "a\u202eb",
        "~/a",
        "",
    ],
)
def test_paths_that_leave_the_folder_or_fit_no_system_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused):
        inside(tmp_path, name)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(Refused, match="link"):
        inside(folder, "link.csv")
    assert inside(folder, "data/past.csv") == folder.resolve() / "data" / "past.csv"


@pytest.mark.parametrize(
    "address",
    [
        "simulated",
        "http://192.168.1.20:31950",
        "http://127.0.0.1:1",
        "http://169.254.7.1:31950",
        "http://flex.local:31950",
        "http://[fd12::1]:31950",
        "http://localhost:31950",
    ],
)
def test_addresses_in_the_lab_are_accepted(address: str) -> None:
    assert robot_address(address, allow_public=False) == address


@pytest.mark.parametrize(
    "address",
    [
        "https://192.168.1.20",
        "http://8.8.8.8",
        "http://robot.example.com",
        "http://a:b@192.168.1.20",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://192.168.1.20/path",
        "http://192.168.1.20?x=1",
        "http://",
        "192.168.1.20",
        "http://192.168.1.20:99999",
        "http://2130706433",
        "http://0x7f.1",
    ],
)
def test_any_other_address_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        robot_address(address, allow_public=False)


def test_a_public_address_needs_the_word_and_metadata_services_never_pass() -> None:
    assert robot_address("http://robot.example.com:31950", allow_public=True) == "http://robot.example.com:31950"
    with pytest.raises(Refused, match="metadata"):
        robot_address("http://169.254.169.254", allow_public=True)


@pytest.mark.parametrize("text", ["2026-11-24", "2026-11-24T18:00", "tomorrow", ""])
def test_a_moment_needs_its_time_and_zone(text: str) -> None:
    with pytest.raises(Refused):
        moment(text)

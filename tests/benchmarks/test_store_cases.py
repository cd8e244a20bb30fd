"""A small case of the benchmarks of the store, so that they cannot rot."""

from __future__ import annotations

from pathlib import Path

from benchmarks import store


def test_attempts_walk_their_whole_road_and_a_restart_is_timed(tmp_path: Path) -> None:
    seen = store.soak(tmp_path, 3)
    assert seen.attempts == 3 and seen.files[0] == seen.files[1] > 0
    assert set(store.restart(tmp_path)) == {"open and claim", "verify the record", "read attempts and experiments"}


def test_spectra_are_stored_at_a_pace_and_none_is_lost(tmp_path: Path) -> None:
    assert len(store.ingest(tmp_path, 0.1, 30.0)) == 3

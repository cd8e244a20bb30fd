"""A small case of each benchmark, so that none of them can rot."""

from __future__ import annotations

import pytest

from benchmarks import campaign, campaign_model, quench, spectra, spectrum_files, verifier, virtual_lab


def test_the_virtual_lab_is_timed_and_misses_what_it_is_known_to_miss(capsys: pytest.CaptureFixture[str]) -> None:
    virtual_lab.main()
    said = capsys.readouterr().out
    assert "s of chemistry" in said and "(a miss)" in said


def test_spectra_are_scored_against_the_independent_generator(capsys: pytest.CaptureFixture[str]) -> None:
    spectra.main(6)
    said = capsys.readouterr().out
    assert "pl_peak_nm" in said and "reads per second" in said


def test_a_folder_of_mixed_files_is_read_and_every_broken_one_named() -> None:
    results = spectrum_files.main(40)
    assert len({r.file for r in results if r.error}) == 2
    assert sum(bool(r.features.values) for r in results) >= 38


def test_a_list_of_one_vial_is_verified_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    verifier.main(wells=1, repeats=1)
    assert "| 1 | 1" in capsys.readouterr().out


def test_a_model_campaign_in_one_process_learns() -> None:
    outcome = campaign_model.campaign(campaign_model.virtual(), 1, budget=16, batch=8, model=True)
    assert outcome.kinds.split()[0] == "ssssssss"
    assert len(outcome.kinds.split()[1]) == 8 and "s" not in outcome.kinds.split()[1]


@pytest.mark.lab
def test_one_short_campaign_is_measured_and_tabulated() -> None:
    outcome = campaign.one(3, experiments=3, batch=3)
    assert outcome.experiments == 3 and outcome.code in (0, 7)
    assert 0 < outcome.rss_mb < 1500
    text = campaign.table([outcome], [None])
    assert "Confirmed within the budget: 0 of 1" in text or "1 of 1" in text


def test_the_benchmark_pours_the_recipe_with_the_labs_own_pipettes() -> None:
    (design,) = campaign.design_space(campaign.CAMPAIGN).sobol(1, seed=2)
    ideal = campaign.vial(design, campaign.lot_effect(5, campaign.LOTS))
    real = campaign.vial(design, campaign.lot_effect(5, campaign.LOTS), seed=5)
    assert 0 < abs(ideal.pl_peak_nm - real.pl_peak_nm) < 5.0


def test_a_watched_quench_is_compared_with_a_fixed_one() -> None:
    (pair,) = quench.compare(1, 1, earlier_wells=3)
    assert pair.watched_s >= quench.FIRST_S + quench.LEAD_S
    assert "| all | 1 |" in quench.table([pair])
    late = quench.Ending(true_s=1800.0, flagged_s=2900.0, ripening_s=2400.0, narrowest_s=3000.0)
    said = quench.endings_in_words([late])
    assert "0% within 15 min" in said and "before 45 min: 1; before the true line was narrowest: 1" in said

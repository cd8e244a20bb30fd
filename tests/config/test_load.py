"""Campaign and lab files to validated types."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sdl.config.lab import BUILT_IN, load_lab
from sdl.config.load import load_campaign
from sdl.config.schema import json_schema
from sdl.config.strict import read
from sdl.errors import Refused

EXAMPLES = Path(__file__).parents[2] / "examples"
BLUE = EXAMPLES / "blue-465" / "campaign.yaml"
ABSORPTION = EXAMPLES / "absorption-only"


def edited(folder: Path, *changes: tuple[str, str], lab: tuple[str, str] | None = None) -> Path:
    """Copy the blue example into ``folder`` with texts replaced, and return its path."""
    text = BLUE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    bench = (BLUE.parent / "lab.yaml").read_text(encoding="utf-8")
    if lab:
        assert re.search(lab[0], bench), lab[0]
        bench = re.sub(lab[0], lab[1], bench, count=1)
    (folder / "lab.yaml").write_text(bench, encoding="utf-8")
    path = folder / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_becomes_a_campaign_in_internal_units() -> None:
    campaign = load_campaign(BLUE)
    parameters = {p.name: p for p in campaign.parameters}
    assert list(parameters) == [
        "pb_to_cs",
        "topo_to_pb",
        "cs_concentration_mmol_l",
        "growth_time_s",
        "lecithin_to_cs",
        "temperature_c",
    ]
    assert (parameters["growth_time_s"].low, parameters["growth_time_s"].high) == (60.0, 3600.0)
    assert parameters["temperature_c"].scope == "block"
    assert list(campaign.target.goals) == ["pl_peak_nm", "fwhm_nm", "plqy"]
    assert campaign.target.goals["pl_peak_nm"].low == 464.0
    assert campaign.target.goals["plqy"].low == pytest.approx(0.6)
    assert campaign.stocks["diluent"].volume_ul == pytest.approx(400_000.0)
    assert campaign.stocks["Cs-DOPA"].contains == {"Cs": 20.0, "DOPA": 75.0}
    assert (campaign.budget.experiments, campaign.budget.batch, campaign.budget.confirmed_hits) == (48, 8, 2)
    assert campaign.constraints == ("topo_to_pb * pb_to_cs <= 100",)
    assert campaign.lab is not None
    assert campaign.lab.deck["cell"].drain == "waste"


def test_the_example_lab_is_the_built_in_one_and_is_used_when_none_is_named(tmp_path: Path) -> None:
    assert load_lab(BLUE.parent / "lab.yaml") == load_lab(BUILT_IN)
    assert load_campaign(edited(tmp_path, ("lab: lab.yaml", "# no lab:"))).lab == load_lab(BUILT_IN)


@pytest.mark.parametrize("name", ["flex", "ot2"])
def test_built_in_labs_are_ventilated_armed_and_within_their_own_rules(name: str) -> None:
    lab = load_lab(BUILT_IN.with_name(f"{name}.yaml"))
    assert lab.robot == "simulated"
    assert lab.ventilated
    assert lab.armed_by
    assert lab.deck["vials"].wells == 24
    assert lab.locate("stocks/B1") == ("stocks/B1", "A1")
    assert lab.pipette_for(30.0) is not None


def test_an_absorption_reader_only_is_a_supported_lab(tmp_path: Path) -> None:
    campaign = load_campaign(ABSORPTION / "campaign.yaml")
    assert campaign.lab is not None
    assert campaign.lab.reader.channels == ("absorption",)
    assert campaign.target.goals["pl_peak_nm"].source == "absorption"
    path = edited(tmp_path)
    (tmp_path / "lab.yaml").write_text((ABSORPTION / "lab.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(Refused) as caught:
        load_campaign(path)
    assert [p.path for p in caught.value.problems] == ["target.pl_peak.from", "target.fwhm.from", "target.plqy.from"]


def test_a_campaign_tightens_limits_and_may_not_loosen_them(tmp_path: Path) -> None:
    campaign = load_campaign(edited(tmp_path, ("seed: 7", "limits: {max_temperature: 50 degC}")))
    assert campaign.lab is not None
    assert campaign.lab.limits.max_temperature_c == 50.0
    with pytest.raises(Refused, match=r"vary\.temperature: 49 degC is above 40 degC, the lab's limit"):
        load_campaign(edited(tmp_path, ("seed: 7", "limits: {max_temperature: 40 degC}")))
    with pytest.raises(Refused, match="looser"):
        load_campaign(edited(tmp_path, ("seed: 7", "limits: {boiling_margin: 10 K}")))


@pytest.mark.parametrize("name", ["substances", "never_together"])
def test_a_lab_file_that_leaves_a_safety_limit_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match=f"{name}: is missing; add it"):
        load_campaign(edited(tmp_path, lab=(rf"(?m)^{name}:(.*)$(\n  - .*)*", "")))


def test_a_lab_says_which_species_may_be_on_its_deck_and_how_much(tmp_path: Path) -> None:
    lead = "contains: {Pb: 40 mmol/L, TOPO: 200 mmol/L}"
    for wrong, path, says in (
        (
            "contains: {Pb: 40 mmol/L, TOPO: 200 mmol/L, azide: 1 mmol/L}",
            "stocks.PbBr2-TOPO.contains.azide",
            "no limit",
        ),
        ("contains: {Pb: 400 mmol/L, TOPO: 200 mmol/L}", "stocks", "8 mmol of Pb in all stocks, limit 2 mmol"),
        (
            "contains: {Pb: 40 mmol/L, TOPO: 200 mmol/L, S: 1 mmol/L, ethanol: 1 mmol/L}",
            "stocks.PbBr2-TOPO",
            "holds S and ethanol, which flex-virtual never lets meet",
        ),
    ):
        with pytest.raises(Refused) as caught:
            load_campaign(edited(tmp_path, (lead, wrong)))
        assert any(p.path == path and says in p.text and p.line > 1 for p in caught.value.problems), str(caught.value)


def test_constraints_carry_units_into_internal_names(tmp_path: Path) -> None:
    path = edited(
        tmp_path, ('"topo_to_pb * pb_to_cs <= 100"', '"growth_time <= 30 min", "growth_time * pb_to_cs < 3 h"')
    )
    assert load_campaign(path).constraints == ("growth_time_s <= 1800.0", "growth_time_s * pb_to_cs < 10800.0")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("growth_time == 1 h", "constraint 'growth_time == 1 h' is an equality: vary all components but one"),
        ("growth_time + 1 h", "constraint 'growth_time + 1 h' needs one of <=, >=, <, > between"),
        ("growth_time * (1 h)[0] <= 3", "constraint 'growth_time * (1 h)[0] <= 3': only numbers, parameter names"),
        ("topo_to_pb + pb_to_cs >= 29", "'topo_to_pb + pb_to_cs >= 29' holds nowhere within the ranges of vary"),
        ("topo_to_pb * pb_to_cs <= 5", "'topo_to_pb * pb_to_cs <= 5' was found to hold nowhere within the ranges"),
    ],
)
def test_a_constraint_that_cannot_be_is_refused_as_it_was_written(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Refused, match=re.escape(says)):
        load_campaign(edited(tmp_path, ("topo_to_pb * pb_to_cs <= 100", text)))


def test_a_constraint_that_leaves_one_design_in_a_million_is_accepted(tmp_path: Path) -> None:
    narrow = '"9.999 <= topo_to_pb <= 10.001", "4.9999 <= pb_to_cs <= 5.0001"'
    assert len(load_campaign(edited(tmp_path, ('"topo_to_pb * pb_to_cs <= 100"', narrow))).constraints) == 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("fwhm:    {minimize: true,", "fwhm:    {maximize: true,"), "'below' does not go with 'maximize'"),
        (("above: 60 %, from: pl", "above: 60 %, from: absorption"), "plqy cannot come from absorption"),
        (("above: 60 %", "above: 100 %"), "can never be measured"),
        (("maximize: true, above: 60 %", "match: 120 %, within: 5 %"), "PLQY above 1.15 can never be measured"),
        (("minimize: true, below: 20", "above: 30 nm, below: 20"), "above 30 nm and below 20 nm contradict each other"),
        (("minimize: true, below: 20", "above: 10 nm, below: 20"), "are a range; write {inside: 10 .. 20 nm}"),
        (("pl_peak: {match", "pl_peek: {match"), "did you mean 'pl_peak'"),
        (("2 confirmed hits", "when happy"), "is not a stop rule"),
        (("batch: 8", "batch: 100"), "100 wells per batch"),
        (("route: cspbbr3-topo", "route: cspbbr3-tpo"), "did you mean 'cspbbr3-topo'"),
        (("lab: lab.yaml", "lab: ../lab.yaml"), "leads out of the folder"),
        (("lab: lab.yaml", "lab: nowhere.yaml"), "cannot be read"),
        (("growth_time:      1 .. 60 min", "growth_time:      [fast, slow]"), "is not a range"),
        (("{Pb: 40 mmol/L, TOPO: 200 mmol/L}", "{Pb: 40 mmol/L}"), "must contain TOPO"),
    ],
    ids=lambda value: value[1][:24] if isinstance(value, tuple) else None,
)
def test_a_wrong_entry_is_refused_with_advice(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    with pytest.raises(Refused) as caught:
        load_campaign(edited(tmp_path, change))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("lab", "expected"),
    [
        ((r"ventilated: true\nairflow: \w+", "ventilated: false"), "times the explosive limit"),
        ((r"airflow: \w+", "# none"), "airflow signal"),
        ((r"armed_by: .*", "# nobody"), "does not say who"),
        ((r"  cell: .*\n", ""), "'cell' is missing"),
        ((r"  dye: .*\n", ""), "'dye' is missing"),
        ((r"slot: C3, capacity: 1 mL", "slot: C3, capacity: 1 L"), "more than the 1000 uL"),
        ((r"range: 4 .. 95 degC", "range: 0 .. 95 degC"), "what temperatureModuleV2 holds"),
        ((r"max_temperature: 60 degC", "max_temperature: 80 degC"), "hard stop"),
        ((r"robot: simulated", "robot: http://8.8.8.8"), "not in a private network"),
        ((r"kind: simulated", "kind: crystal-ball"), "is not a reader"),
        ((r"slot: D1", "slot: D2"), "already holds"),
        ((r"  spare:", "  sp,are:"), "cannot be a place"),
        ((r"flex_1channel_50,", "p20_single_gen2,"), "is not a pipette of the Flex"),
        ((r"opentrons_flex_96_tiprack_50ul", "opentrons_96_tiprack_20ul"), "is not known"),
    ],
    ids=lambda value: value[1][:24] if isinstance(value, tuple) else None,
)
def test_a_wrong_lab_file_is_refused_through_its_campaign(tmp_path: Path, lab: tuple[str, str], expected: str) -> None:
    with pytest.raises(Refused) as caught:
        load_campaign(edited(tmp_path, lab=lab))
    assert expected in str(caught.value)


def test_problems_of_fields_across_fields_and_of_the_lab_come_together(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        ("below: 20 nm", "below: 20 uL"),
        ("batch: 8", "batch: 0"),
        ("at: stocks/A2", "at: stocks/A1"),
        ("2 .. 8 ", "8 .. 2 "),
    )
    with pytest.raises(Refused) as caught:
        load_campaign(path)
    assert [p.path for p in caught.value.problems] == [
        "target.fwhm.below",
        "vary.pb_to_cs",
        "stocks.PbBr2-TOPO.at",
        "budget.batch",
    ]


@pytest.mark.parametrize("name", [path.parent.name for path in sorted(EXAMPLES.glob("*/campaign.yaml"))])
def test_the_exported_schema_is_valid_and_accepts_the_examples(name: str) -> None:
    for schema, file in ((json_schema("campaign"), "campaign.yaml"), (json_schema("lab"), "lab.yaml")):
        Draft202012Validator.check_schema(schema)
        if (path := EXAMPLES / name / file).exists():
            assert not list(Draft202012Validator(schema).iter_errors(read(path).root.plain()))


def test_the_exported_schema_sees_missing_and_unknown_entries() -> None:
    validator = Draft202012Validator(json_schema("campaign"))
    plain = read(BLUE).root.plain()
    assert isinstance(plain, dict)
    assert not validator.is_valid({**plain, "bugdet": {}})
    assert not validator.is_valid({k: v for k, v in plain.items() if k != "stocks"})


def test_reading_a_campaign_loads_no_heavy_library_and_no_unit_parser() -> None:
    heavy = ["botorch", "pandas", "pint", "prefect", "scipy", "torch"]
    code = (
        "import sys; from pathlib import Path; from sdl.config.load import load_campaign;"
        f"load_campaign(Path({str(BLUE)!r})); print(sorted(set({heavy}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_colour_is_two_goals_whose_hits_are_never_further_off_than_asked(tmp_path: Path) -> None:
    colour = (
        "pl_peak: {match: 465 nm, within: 1 nm, from: pl}",
        "colour: {match: rec2020-blue, within: 0.01, from: pl}",
    )
    size = (
        "plqy:    {maximize: true, above: 60 %, from: pl}",
        "edge_length: {match: 3 nm, within: 0.2 nm, from: absorption}",
    )
    width = (
        "fwhm:    {minimize: true, below: 20 nm, from: pl}",
        "dispersion: {minimize: true, below: 9 %, from: absorption}",
    )
    goals = load_campaign(edited(tmp_path, colour, size, width)).target.goals
    assert list(goals) == ["cie_x", "cie_y", "dispersion_percent", "edge_length_nm"]
    assert (goals["cie_x"].wanted, goals["cie_y"].wanted) == (0.131, 0.046)
    corner = [goals["cie_x"].high - 0.131, goals["cie_y"].low - 0.046]
    assert math.hypot(*corner) == pytest.approx(0.01)
    assert goals["dispersion_percent"].high == 9.0
    assert goals["edge_length_nm"].low == pytest.approx(2.8)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{match: rec2020-violet, within: 0.01, from: pl}", "rec2020-red, rec2020-green, rec2020-blue"),
        ("{match: rec2020-blue, from: pl}", "within a distance"),
        ("{match: rec2020-blue, within: 0.01, from: absorption}", "cannot come from absorption"),
        ("{match: rec2020-blue, within: -1, from: pl}", "above 0"),
    ],
    ids=["unknown", "no tolerance", "absorption", "negative"],
)
def test_a_colour_that_cannot_be_asked_for_is_refused(tmp_path: Path, entry: str, reason: str) -> None:
    written = ("pl_peak: {match: 465 nm, within: 1 nm, from: pl}", f"colour: {entry}")
    with pytest.raises(Refused, match=rf"campaign.yaml:5:\d+: target.colour.*{reason}"):
        load_campaign(edited(tmp_path, written))


PEAK = "pl_peak: {match: 465 nm, within: 1 nm, from: pl}"


def test_a_list_of_values_to_match_is_a_palette_with_the_other_goals_in_common(tmp_path: Path) -> None:
    listed = (PEAK, "pl_peak: {match: [455 nm, 465 nm, 2.61 eV], within: 1 nm, from: pl}")
    with pytest.raises(Refused, match=r"campaign.yaml:5:\d+: target.pl_peak.match"):
        load_campaign(edited(tmp_path, (PEAK, "pl_peak: {match: [455 nm, 465 parsec], within: 1 nm, from: pl}")))
    target = load_campaign(edited(tmp_path, (listed[0], listed[1].replace("2.61 eV", "475 nm")))).target
    assert [t.name for t in target.each] == ["455 nm", "465 nm", "475 nm"]
    assert [t.goals["pl_peak_nm"].wanted for t in target.each] == [455.0, 465.0, 475.0]
    assert all(t.goals["fwhm_nm"].high == 20.0 for t in target.each)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("pl_peak: {match: [465 nm], within: 1 nm, from: pl}", "2 to 12 different values"),
        ("pl_peak: {match: [465 nm, 465 nm], within: 1 nm, from: pl}", "2 to 12 different values"),
        ("x1: {match: [440 nm, 450 nm], within: 1 nm, from: absorption}\n  " + PEAK.replace("465", "[465 nm, 475"), ""),
    ],
    ids=["one value", "twice", "two lists"],
)
def test_a_palette_that_makes_no_sense_is_refused(tmp_path: Path, entry: str, reason: str) -> None:
    entry = entry.replace("[465 nm, 475 nm,", "[465 nm, 475 nm],")
    with pytest.raises(Refused, match=reason or "one entry makes a palette"):
        load_campaign(edited(tmp_path, (PEAK, entry)))


@pytest.mark.parametrize(("peak", "fits"), [("465 nm", True), ("530 nm", False)])
def test_a_colour_that_the_peak_cannot_have_is_refused(tmp_path: Path, peak: str, fits: bool) -> None:
    both = (PEAK, f"{PEAK.replace('465 nm', peak)}\n  colour: {{match: rec2020-blue, within: 0.01, from: pl}}")
    if fits:
        assert "cie_x" in load_campaign(edited(tmp_path, both)).target.goals
    else:
        with pytest.raises(Refused, match=r"target.colour: contradicts pl_peak.*529 .. 531 nm"):
            load_campaign(edited(tmp_path, both))


def test_a_bound_alone_is_a_goal_that_wants_no_more(tmp_path: Path) -> None:
    alone = ("{minimize: true, below: 20 nm, from: pl}", "{below: 20 nm, from: pl}")
    goal = load_campaign(edited(tmp_path, alone)).target.goals["fwhm_nm"]
    assert (goal.kind, goal.low, goal.high) == ("inside", -math.inf, 20.0)


def test_two_goals_may_be_a_trade_off_and_one_may_not(tmp_path: Path) -> None:
    width = ("{minimize: true, below: 20 nm", "{minimize: trade-off, below: 20 nm")
    light = ("{maximize: true, above: 60 %", "{maximize: trade-off, above: 60 %")
    assert load_campaign(edited(tmp_path, width, light)).target.traded == ("fwhm_nm", "plqy")
    with pytest.raises(Refused, match=r"target.fwhm: .*two sides"):
        load_campaign(edited(tmp_path, width))


def test_a_budget_says_when_to_give_up(tmp_path: Path) -> None:
    stop = "stop: 2 confirmed hits"
    budget = load_campaign(edited(tmp_path, (stop, f"{stop}, give_up: never, worth: 1 hit in 20"))).budget
    assert (budget.give_up, budget.tries, budget.sentinel) == (math.inf, 20.0, "never")
    assert load_campaign(BLUE).budget.give_up == 0.99
    for wrong, reason in (
        ("give_up: 50 %", "from 90 %"),
        ("worth: a lot", "1 hit in 20"),
        ("sentinel: often", "never"),
    ):
        with pytest.raises(Refused, match=reason):
            load_campaign(edited(tmp_path, (stop, f"{stop}, {wrong}")))


STOCKED = "volume: 20 mL, at: stocks/A2"
SPENT = "stop: 2 confirmed hits"


def test_prices_are_read_for_a_microlitre_and_a_second(tmp_path: Path) -> None:
    assert load_campaign(BLUE).prices is None
    dear = (STOCKED, f"{STOCKED}, price: 12 EUR/mL")
    prices = load_campaign(edited(tmp_path, dear, (SPENT, f"{SPENT}, robot_time: 18 EUR/h"))).prices
    assert prices is not None
    assert prices.currency == "EUR"
    assert prices.stock_per_ul == {"PbBr2-TOPO": pytest.approx(0.012)}
    assert prices.robot_per_s == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("stock", "robot", "says"),
    [
        (
            "12 EUR",
            "",
            r"yaml:18:\d+: stocks\.PbBr2-TOPO\.price: '12 EUR' is not a price of a volume; write .* 12 EUR/mL",
        ),
        ("12", "", "12 is not a price of a volume"),
        ("12 EUR/h", "", "'1 h' is not a volume"),
        ("-1 EUR/mL", "", "'-1 EUR/mL' is not above 0"),
        ("many EUR/mL", "", "'many' is not a number"),
        ("12 EUR/mL", "20 USD/h", r"budget\.robot_time: '20 USD/h' is in USD, another price in EUR"),
        ("12 EUR/mL", "20", "20 is not a price of time; write for example 20 EUR/h"),
    ],
    ids=["no unit", "no currency", "a time", "negative", "no number", "two currencies", "bare robot time"],
)
def test_a_price_that_is_none_is_refused_where_it_stands(tmp_path: Path, stock: str, robot: str, says: str) -> None:
    changes = [(STOCKED, f"{STOCKED}, price: {stock}")]
    changes += [(SPENT, f"{SPENT}, robot_time: {robot}")] if robot else []
    with pytest.raises(Refused, match=says):
        load_campaign(edited(tmp_path, *changes))

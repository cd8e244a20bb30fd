"""The shape of campaign and lab files: which keys there are and what kind of value each takes.

Every top-level entry may be absent here, so that one missing entry does not hide the others' problems; what a mode
requires is checked in the second pass, and stated in the exported JSON schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sdl.bench import AVERAGES, BLANK_AGE_S, CARRY_OVER, DARK_AGE_S, INTEGRATION_MS, Geometry, Light, Mount, RobotType
from sdl.campaign import Approval
from sdl.config.fields import (
    Age,
    Amount,
    Celsius,
    CelsiusRange,
    Concentration,
    FlowRate,
    Fraction,
    Gap,
    Hours,
    Id,
    Kelvin,
    Made,
    Moment,
    PathLength,
    Places,
    Ratio,
    Scalar,
    Seconds,
    Span,
    Volume,
    Wavelength,
    Wishes,
)
from sdl.target import Source

CAMPAIGN_REQUIRED = ("campaign", "target")
LAB_MODE_REQUIRED = ("route", "vary", "stocks", "budget")
LAB_REQUIRED = (
    *("lab", "robot", "robot_type", "pipettes", "deck", "blocks", "reader", "limits"),
    *("substances", "never_together"),
)

Count = Annotated[int, Field(ge=1, le=10_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)


class GoalEntry(_Strict):
    """One wish: match, minimize, maximize or inside, or a bound alone; ``from`` names where the number comes from.

    Several values to match are a palette; goals to minimize and maximize as a trade-off have no order.
    """

    match: Wishes | None = None
    within: Scalar | None = None
    minimize: Literal[True, "trade-off"] | None = None
    below: Scalar | None = None
    maximize: Literal[True, "trade-off"] | None = None
    above: Scalar | None = None
    inside: str | None = None
    source: Source = Field(alias="from")


class StockEntry(_Strict):
    """A stock solution: what it contains, its solvent, how much there is and where it stands."""

    contains: dict[str, Concentration] = Field(default_factory=dict)
    solvent: str
    volume: Volume
    at: Places
    lot: str = ""
    made: Made = ""
    max_age: Age | None = None
    price: Scalar | None = None


class WhenEntry(_Strict):
    """A condition: the choice ``parameter`` is one of ``among``."""

    parameter: str
    among: list[str]


class RouteParameterEntry(_Strict):
    """What may vary in a synthesis of one's own: its published value, and hard limits or choices."""

    nominal: Scalar
    limits: str | None = None
    choices: list[str] | None = None
    scope: Literal["well", "block"] = "well"
    when: WhenEntry | None = None
    source: str = ""


class StepEntry(_Strict):
    """One step: a reagent and its amount, a time to hold, a read, or what a person does by hand."""

    dispense: str | None = None
    inject: str | None = None
    add: str | None = None
    quench: str | None = None
    concentration: str | None = None
    ratio: str | None = None
    mole_fraction: str | None = None
    volume_ratio: str | None = None
    volume_fraction: Scalar | None = None
    volume: Scalar | None = None
    fill: Scalar | None = None
    by: Scalar | None = None
    carries: list[str] = Field(default_factory=list)
    optional: bool = False
    hold: Scalar | None = None
    watched: bool = False
    read: Scalar | None = None
    manual: str | None = None


class SynthesisEntry(_Strict):
    """A route of one's own: reagents in order, how each amount is set, and what may vary."""

    title: str = ""
    source: str = ""
    medium: str = ""
    parameters: dict[str, RouteParameterEntry] = Field(default_factory=dict)
    steps: list[StepEntry] = Field(default_factory=list)
    allows: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class BudgetEntry(_Strict):
    experiments: Count | None = None
    batch: Annotated[int, Field(ge=1, le=384)]
    stop: str = "2 confirmed hits"
    give_up: Scalar = "99 %"
    worth: str = ""
    sentinel: Literal["never", "every batch"] = "never"
    robot_time: Scalar | None = None


class ColumnEntry(_Strict):
    """Where a quantity stands in a table; ``unit: text`` marks a column of names."""

    column: str
    unit: str = ""
    zero: Literal["missing"] | None = None
    guess: str = ""


class DataEntry(_Strict):
    """A table of past syntheses; ``exclude`` names rows to leave out and why: ``{17: spilled}``."""

    file: str
    columns: dict[str, ColumnEntry]
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    sheet: str = ""
    header: Annotated[int, Field(ge=1)] | None = None
    exclude: dict[Annotated[str, Field(pattern="^[1-9][0-9]{0,7}$")], str] = Field(default_factory=dict)
    public: str = ""


class TightenedLimits(_Strict):
    """The lab's limits that a campaign may make tighter for itself."""

    max_temperature: Celsius | None = None
    boiling_margin: Kelvin | None = None
    max_fill: Fraction | None = None
    max_hexane: Fraction | None = None
    max_flow_rate: FlowRate | None = None
    max_run: Hours | None = None
    max_delay: Seconds | None = None
    waste: Volume | None = None
    clearance: Gap | None = None
    max_calibration_age: Age | None = None
    max_lamp: Age | None = None


class CampaignFile(_Strict):
    """A campaign: what is wanted, what may vary, from which stocks, in which lab."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": list(CAMPAIGN_REQUIRED),
            "if": {"properties": {"mode": {"const": "offline"}}, "required": ["mode"]},
            "then": {"required": ["data"]},
            "else": {"required": list(LAB_MODE_REQUIRED)},
        }
    )

    campaign: Id | None = None
    why: str = ""
    mode: Literal["lab", "offline"] = "lab"
    route: str | None = None
    synthesis: SynthesisEntry | None = None
    target: dict[str, GoalEntry] | None = None
    vary: dict[str, Span] | None = None
    constraints: list[str] = Field(default_factory=list)
    stocks: dict[str, StockEntry] | None = None
    lab: str | None = None
    limits: TightenedLimits | None = None
    history: list[str] = Field(default_factory=list)
    data: DataEntry | None = None
    pool: str | None = None
    budget: BudgetEntry | None = None
    approval: Approval = "never"
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0


class PipetteEntry(_Strict):
    name: str
    min: Volume
    max: Volume
    tip: Volume
    air_gap: Volume
    resolution: Volume
    tip_racks: list[str]
    cv: Fraction = 0.015


class PlaceEntry(_Strict):
    labware: str = ""
    slot: str = ""
    module: str = ""
    capacity: Volume | None = None
    dead: Volume | None = None
    wells: Annotated[int, Field(ge=1, le=384)] | None = None
    drain: str = ""


class BlockEntry(_Strict):
    """A rack whose vials share one temperature; without a range it follows the room."""

    rack: str
    range: CelsiusRange | None = None


class ReaderEntry(_Strict):
    """The spectrometer: which one, in which geometry, and what the arm brings to it."""

    kind: str
    channels: list[Literal["absorption", "pl", "nir"]]
    geometry: Geometry = "flow cell"
    at: str = ""
    path: PathLength
    sample: Volume | None = None
    rinse: Volume | None = None
    rinses: Annotated[int, Field(ge=0, le=10)] | None = None
    excitation: Wavelength = 365.0
    dye_plqy: Fraction = 0.54
    dye_plqy_rsd: Fraction = 0.02
    dye_refractive_index: Annotated[Ratio, Field(ge=1.0, le=3.0)] = 1.361
    max_reads: Annotated[int, Field(ge=1, le=100)]
    integration: Seconds = INTEGRATION_MS / 1e3
    averages: Annotated[int, Field(ge=1, le=10_000)] = AVERAGES
    dark_age: Seconds = DARK_AGE_S
    blank_age: Seconds = BLANK_AGE_S
    carry_over: Fraction = CARRY_OVER
    bands: list[Wavelength] = Field(default_factory=list)
    bottom: Literal["glass", "quartz"] | None = None
    light: Light | None = None
    lamp_hours: Age | None = None
    lamp_read: Made = ""


class LimitsEntry(_Strict):
    """Safety limits of the lab; every one must be stated."""

    max_temperature: Celsius
    boiling_margin: Kelvin
    max_fill: Fraction
    max_hexane: Fraction
    max_flow_rate: FlowRate
    max_run: Hours
    max_delay: Seconds
    waste: Volume
    clearance: Gap
    max_calibration_age: Age
    max_lamp: Age


class LabFile(_Strict):
    """A bench: robot, pipettes, deck, thermal blocks, reader, and the limits that hold for every campaign."""

    model_config = ConfigDict(json_schema_extra={"required": list(LAB_REQUIRED)})

    lab: Id | None = None
    robot: str | None = None
    allow_public: bool = False
    robot_type: RobotType | None = None
    robot_serial: str = ""
    pipettes: dict[Mount, PipetteEntry] | None = None
    deck: dict[str, PlaceEntry] | None = None
    blocks: list[BlockEntry] | None = None
    reader: ReaderEntry | None = None
    limits: LimitsEntry | None = None
    substances: dict[str, Amount] | None = None
    never_together: list[Annotated[list[str], Field(min_length=2, max_length=2)]] | None = None
    ventilated: bool = False
    airflow: str = ""
    armed_by: str = ""
    armed_until: Moment | None = None
    armed_for: str = ""
    room: Celsius = 25.0
    virtual: dict[str, Scalar] = Field(default_factory=dict)


def json_schema(kind: Literal["campaign", "lab"]) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a campaign or lab file, for completion in editors."""
    model: type[BaseModel] = CampaignFile if kind == "campaign" else LabFile
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}

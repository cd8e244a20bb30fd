"""Carry out one ordered list of timed steps on a Flex or an OT-2: everything its CSV says, and nothing else.

The one CSV has the columns of COLUMNS.  Preamble rows (labware, pipette, trash, temperature) say what stands on the
deck; step rows (dispense, inject, mix, read, quench, rinse) say what moves.  A step whose moment matters is
preceded by ``pause("AT <s> <action> <location>")`` and a read is followed by ``pause("READ <label> <location>")``: the
controller holds the lab clock and releases both.  The file is executed as it is uploaded; it opens no files.

A pipette row has the mount in `well`, the name in `stock`, its tip racks in `place`, the air gap in `value`, and in
`volume_ul` how many tips of those racks are gone already.  A step names its pipette by the mount.

Heights: nothing is touched below DRAW_MM.  `dispense` and `rinse` drop their liquid from above, so that the tip stays
clean and may go back to its stock; `inject` and `quench` end submerged, and their tip touches that one well only.
"""

import math

metadata = {"protocolName": "Timed steps", "attempt": "template"}
requirements = {"robotType": "Flex", "apiLevel": "2.20"}

COLUMNS = ("action", "at_s", "earliest_s", "latest_s", "well", "stock", "volume_ul", "pipette", "place", "value")
PREAMBLE = ("labware", "pipette", "trash", "temperature")
TIMED = ("inject", "add", "quench")

# Chosen: below 0.4 m/s in the orifice of a 50 uL tip (about 0.3 mm) and of a 1000 uL tip (about 0.7 mm), where 1 m/s is
# the usual ceiling for liquids that gather static charge; hexane over-delivers at the default hundreds of uL/s.
SMALL_UL_S = 15.0
LARGE_UL_S = 150.0
SMALL_PIPETTE_UL = 50.0

DRAW_MM = 1.0  # above the bottom; chosen: flat glass bottoms, and half a millimetre of play above the verifier's floor
SUBMERGED_MM = 5.0  # above the bottom; chosen: below the surface of any well that holds 1 mL
ABOVE_MM = -5.0  # from the rim; chosen: inside the neck, so that a drop cannot miss, and above any legal filling
PORT_ABOVE_MM = -1.0  # from the rim of the shallow flow-cell port
PORT = "cell"


def add_parameters(parameters):
    parameters.add_csv_file(variable_name="steps", display_name="Timed steps", description="Deck and steps, in order.")


def run(protocol):
    table = protocol.params.steps.parse_as_csv(detect_dialect=False)
    if tuple(table[0]) != COLUMNS:
        raise ValueError(f"the CSV has the columns {table[0]}, this protocol needs {list(COLUMNS)}")
    rows = [dict(zip(COLUMNS, row)) for row in table[1:]]
    deck = Deck(protocol, [row for row in rows if row["action"] in PREAMBLE])
    steps = [row for row in rows if row["action"] not in PREAMBLE]
    keys = tip_keys(steps)
    for step, key, following in zip(steps, keys, keys[1:] + [None]):
        pipette = deck.pipettes[step["pipette"]]
        if step["action"] == "hand":
            protocol.pause("HAND {} {}".format(step["value"], step["well"]))
            continue
        if step["at_s"]:
            protocol.pause("AT {} {} {}".format(step["at_s"], step["action"], place_of(step)))
        if step["action"] == "look":
            protocol.pause("READ {} {}".format(step["value"], step["stock"]))
            continue
        protocol.comment("DO {action} {stock} {well} {volume_ul}".format(**step))
        if not pipette.has_tip:
            pipette.pick_up_tip(next(deck.tips[step["pipette"]]))
        deck.carry_out(step, pipette)
        if key != following:
            pipette.drop_tip()
        if step["action"] == "read":
            protocol.pause("READ {} {}".format(step["value"], step["stock"]))
    for module in deck.heated:
        module.deactivate()


def place_of(step):
    """Where a step happens, as its pause names it: a read happens where the liquid is drawn."""
    return step["stock"] if step["action"] in ("read", "look") else step["well"]


def tip_keys(steps):
    """One key a step; neighbours with the same key share a tip."""
    keys = []
    for number, step in enumerate(steps):
        before = steps[number - 1] if number else None
        if step["action"] in ("dispense", "rinse"):
            key = (step["action"], step["stock"], step["pipette"])
        elif step["action"] == "mix" and before and before["action"] in TIMED and same(before, step):
            key = keys[-1]
        else:
            key = (number,)
        keys.append(key)
    return keys


def same(one, other):
    return (one["pipette"], one["well"]) == (other["pipette"], other["well"])


class Deck:
    """What the preamble loads, by the names that the steps use."""

    def __init__(self, protocol, preamble):
        self.protocol = protocol
        self.labware, self.modules, self.pipettes, self.gaps, self.tips, self.heated = {}, {}, {}, {}, {}, []
        for row in preamble:
            getattr(self, "load_" + row["action"])(row)

    def load_labware(self, row):
        ours = {"namespace": "custom_beta", "version": 1} if row["stock"].startswith("sdl_") else {}
        if row["value"]:
            module = self.modules[row["well"]] = self.protocol.load_module(row["value"], row["place"])
            self.labware[row["well"]] = module.load_labware(row["stock"], **ours)
        else:
            self.labware[row["well"]] = self.protocol.load_labware(row["stock"], row["place"], **ours)

    def load_pipette(self, row):
        pipette = self.protocol.load_instrument(row["stock"], row["well"])
        small = pipette.max_volume <= SMALL_PIPETTE_UL
        pipette.flow_rate.aspirate = pipette.flow_rate.dispense = SMALL_UL_S if small else LARGE_UL_S
        racks = [self.labware[name] for name in row["place"].split(";")]
        fresh = [well for rack in racks for well in rack.wells()]
        self.tips[row["well"]] = iter(fresh[int(row["volume_ul"] or 0) :])
        self.pipettes[row["well"]] = pipette
        self.gaps[row["well"]] = (float(row["value"]), min(pipette.max_volume, fresh[0].max_volume))

    def load_trash(self, row):
        if row["place"]:
            self.protocol.load_trash_bin(row["place"])

    def load_temperature(self, row):
        module = self.modules[row["well"]]
        self.heated.append(module)
        module.set_temperature(float(row["value"]))

    def at(self, location):
        """The well of "cell", "stocks/A1", or of a bottle that is itself called "stocks/B1"."""
        if location in self.labware:
            return self.labware[location]["A1"]
        name, well = location.rsplit("/", 1)
        return self.labware[name][well]

    def above(self, location):
        return self.at(location).top(PORT_ABOVE_MM if location == PORT else ABOVE_MM)

    def carry_out(self, step, pipette):
        volume_ul, well = float(step["volume_ul"]), self.at(step["well"])
        if step["action"] == "mix":
            pipette.mix(int(step["value"]), volume_ul, well.bottom(SUBMERGED_MM))
            return
        gap_ul, tip_ul = self.gaps[step["pipette"]]
        strokes = math.ceil(volume_ul / (tip_ul - gap_ul))
        source, above = self.at(step["stock"]), self.above(step["well"])
        last = well.bottom(SUBMERGED_MM) if step["action"] in TIMED else above
        for stroke in range(strokes):
            pipette.aspirate(volume_ul / strokes, source.bottom(DRAW_MM))
            if gap_ul:
                pipette.air_gap(gap_ul)
            pipette.dispense(location=above if stroke + 1 < strokes else last)

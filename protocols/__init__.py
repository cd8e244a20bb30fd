"""What the robot is told: a self-contained Opentrons script and labware definitions, shipped as data.

``timed_steps.py`` is uploaded with two literals changed (robot type, attempt id) and one CSV; `sdl.lab.protocol`
renders both and names the labware.  Nothing here is imported, and nothing here imports the project: a robot executes a
protocol file twice, without ``__file__``, so what an attempt does arrives as its CSV parameter only.

Labware (namespace custom_beta; nominal sizes of common glass ware, to be measured on the deck before first use):
8 mL vials 17 x 60 mm (inner 14.6 mm, 24 at a pitch of 19.3 mm), stock vials 28 x 60 mm (inner 25.4 mm), a wide-mouth
250 mL bottle 70 x 98 mm (inner 65 mm), the 1 mL funnel of the flow cell.  The rack of 24 is 61 mm high because an OT-2
cannot carry a 1000 uL tip over 64 mm on a temperature module; analysis then says "Arc out of bounds in the Z-axis".
A tip 1 mm above the bottom stays covered down to 0.17 mL in a vial, 0.51 mL in a stock vial and 3.4 mL in the bottle:
dead volumes in the lab file are at least these.  A 50 uL tip is 48 mm long and a 20 uL tip 31 mm, shorter than the
vials are deep, so the pipette's nozzle follows it into the neck: caps need a slit or bore that lets it pass.
"""

"""Growth as it happens: X1, width and yield of a well in time, forecast from its first minutes and all earlier wells.

No torch: numpy only, so that one forecast takes milliseconds beside a waiting robot.
"""

from models.kinetics.curve import Curve, Look, growth_observations, look_of
from models.kinetics.fleet import Fleet
from models.kinetics.forecast import Forecast, Signs
from models.kinetics.watching import GrowthWatch, growth_watch

__all__ = [
    "Curve",
    "Fleet",
    "Forecast",
    "GrowthWatch",
    "Look",
    "Signs",
    "growth_observations",
    "growth_watch",
    "look_of",
]

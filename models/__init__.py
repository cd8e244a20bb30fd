"""From experiments to the next suggestion: encode, surrogate, acquisition, advisor.

Designs and features enter as plain values with their units in the name and leave the same way; tensors live here
only (``encode`` is the one door).  ``import models`` loads no torch: the first model-based suggestion does, because
the verbs of the command line that need no model must answer within a second.
"""

from models.advisor import Advisor
from models.suggestion import Confirmation, Expected, Forecast, Suggestion

__all__ = ["Advisor", "Confirmation", "Expected", "Forecast", "Suggestion"]

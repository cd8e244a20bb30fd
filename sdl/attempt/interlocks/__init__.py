"""The run's own interlocks: what must hold just before the start, and what while it runs (column C).

A check looks at one `Sight` of robot, reader, ledger and lab file and yields what is wrong. The verifier has judged the
command list; here it is the world the list is about to meet. Interlocks by number: I4, I7-I9, I11, I12, I15, I16,
I18-I20, I22-I24, I26.
"""

from sdl.attempt.interlocks import books, deck, people, reader, robot
from sdl.attempt.interlocks.sight import CHECKS, Sight, When, raise_unless_held

__all__ = ["CHECKS", "Sight", "When", "books", "deck", "people", "raise_unless_held", "reader", "robot"]

"""The independent eye: re-derives what a robot would do from the raw analysed command list, and refuses what it must.

Enters: the command list that analysis returned, and a `Bench` that says what is loaded and allowed.  Leaves: an
`Approval` bound to the hash of that list, or `Unsafe` with every violation.  It shares nothing with the planner: it
imports `sdl.errors` only, keeps books of its own from the first command to the last, trusts no marker or comment in the
list, and refuses every command and parameter that it does not know, because analysis itself passes overfilled wells,
overdrawn stocks, dirty tips and heaters left on.  `shapes` knows the commands, `deck`, `books` and `scene` keep what
follows from them, `rules` judge it, and `walk` goes through the list.
"""

from sdl.verifier.bench import Approval, Bench, Liquid, Pipette, TipRack, Vessel
from sdl.verifier.fingerprint import command_hash, definition_hash
from sdl.verifier.walk import verify

__all__ = ["Approval", "Bench", "Liquid", "Pipette", "TipRack", "Vessel", "command_hash", "definition_hash", "verify"]

"""The rules, one function each, by the interlock they belong to (I1-I17, I20, I21, I25, I26).

A rule looks at one kind of act and yields what is wrong: how much, which limit, what to do. The walk adds where. Rules
share no state: dropping one changes what that one refuses and nothing else, which a test does to every one of them.
"""

from sdl.verifier.rules import chemistry, heat, identity, liquid, motion, shaking, time, tips
from sdl.verifier.rules.registry import RULES, Rule

__all__ = ["RULES", "Rule", "chemistry", "heat", "identity", "liquid", "motion", "shaking", "time", "tips"]

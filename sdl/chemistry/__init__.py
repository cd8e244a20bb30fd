"""Chemistry to microlitres: routes, mole balance, recipes, and the ordered list of timed steps.

What lives here: each route's reagents, nominal values and hard limits; the compiler from a design to volumes of real
stocks; the schedule. What may enter: ``campaign``, ``bench``, ``space``, ``units``, ``errors``; nothing that knows a
robot's wire or a file format.
"""

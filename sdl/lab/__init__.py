"""Drivers of the bench: robot, readers, clock, and the analysis that comes before liquid moves.

May enter: what a lab file names by address. The virtual lab is in ``sdl.lab.virtual`` and is a process, not an import.
"""

"""The syntheses this laboratory knows: each module here that has a ``ROUTE`` is one, and is found by itself.

A new route is one module (or one YAML file beside a campaign) and its test: see ``docs/adding_a_route.md``.
"""

from __future__ import annotations

import importlib
import pkgutil

from sdl.campaign import Campaign
from sdl.errors import Refused
from sdl.route import Route

__all__ = ["ROUTES", "route_of"]


def _found() -> dict[str, Route]:
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    routes: list[Route] = [module.ROUTE for module in modules if hasattr(module, "ROUTE")]
    return {route.name: route for route in sorted(routes, key=lambda r: r.name)}


ROUTES: dict[str, Route] = _found()


def route_of(campaign: Campaign) -> Route:
    """Return the route of a campaign: the one its own files declare, or the one it names."""
    if campaign.synthesis is not None:
        return campaign.synthesis
    if campaign.route in ROUTES:
        return ROUTES[campaign.route]
    raise Refused(f"{campaign.file}: route '{campaign.route}' is not known; there are {', '.join(ROUTES)}")

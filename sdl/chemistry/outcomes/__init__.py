"""Each route's table of outcomes, and what it says about reaching a target."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
"""Where the tables lie, one ``ROUTE.csv`` a route."""

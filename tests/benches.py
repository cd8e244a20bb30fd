"""A bench and a campaign for tests, built from the shipped example so that tests and users see the same lab."""

from __future__ import annotations

from pathlib import Path

from sdl.campaign import Campaign
from sdl.config.load import load_campaign

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "blue-465" / "campaign.yaml"


def example() -> Campaign:
    return load_campaign(EXAMPLE)

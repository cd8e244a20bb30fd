"""What holds for every test: nothing is judged by the clock, so that a busy machine fails none; campaigns go first."""

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that drive whole campaigns, so that none of them is left to one worker at the end."""
    long = {item.path for item in items if item.get_closest_marker("lab")}
    items.sort(key=lambda item: item.path not in long)

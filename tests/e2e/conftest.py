"""What several tests of this folder look at, made once."""

from __future__ import annotations

import pytest

from tests.e2e.demo_day import DemoDay, run_day


@pytest.fixture(scope="session")
def demo_day(tmp_path_factory: pytest.TempPathFactory) -> DemoDay:
    """One round of the demo, whole."""
    return run_day(tmp_path_factory.mktemp("demo"))

"""``kill -9`` at every step of indexer and consumer: no event is lost, none is counted twice, the ledger opens.

Short here; ``make test-crash`` kills thousands (``PMM_CRASH_KILLS`` per database).
"""

import os
from pathlib import Path

import pytest

from pmm.errors import PmmError
from tests.helpers.indexer_crashes import STEPS, run_campaign
from tests.helpers.postgres import Postgres

_KILLS = int(os.environ.get("PMM_CRASH_KILLS", "60"))


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return tmp_path / "ledger.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_schema()


@pytest.mark.timeout(0)
def test_indexer__killed_at_every_step__ends_at_the_chain(
    where: Path | str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_campaign(where, kills=_KILLS, seed=1)
    with capsys.disabled():
        print(f"\n{'SQLite' if isinstance(where, Path) else 'PostgreSQL'}: {found}")
    assert set(found["kills"]) == {*STEPS, "any moment"}
    assert found["blocks"] > _KILLS


def test_campaign__place_moved_in_a_transaction_of_its_own__is_found(tmp_path: Path) -> None:
    """Planted fault: a consumer that books first and acknowledges later."""
    with pytest.raises((AssertionError, PmmError)):
        run_campaign(tmp_path / "ledger.sqlite", kills=60, seed=2, acknowledge_apart=True)

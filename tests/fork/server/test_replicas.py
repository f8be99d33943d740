"""Two servers on one PostgreSQL: one inventory, one set of nonces, and whatever either signs fills."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH
from pmm.execution import CONTRACT_VENUES, Settlement
from pmm.journal import read
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.site import INVENTORY, Deployed, Server, fill, serving
from tests.helpers.postgres import postgres_server


@pytest.fixture
def database() -> Iterator[str]:
    with postgres_server() as server:
        yield server.new_schema()


@pytest.fixture
def replicas(deployed: Deployed, database: str, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    with (
        serving(deployed, None, database_url=database, switches={"file": tmp_path / "1.sqlite"}) as one,
        serving(deployed, None, database_url=database, switches={"file": tmp_path / "2.sqlite"}) as two,
    ):
        yield one, two


def test_order__two_replicas__every_quote_fills_and_ends_on_both(
    replicas: tuple[Server, Server], chain: ChainBuilder, database: str
) -> None:
    one, two = replicas
    answers = [
        server.quote(settlement=venue.value) for server in (one, two, one) for venue in CONTRACT_VENUES
    ]
    for server in (one, two):
        server.catch_up()
        assert len(server.runtime.desk.watched()) == len(answers)
    for answer in answers:
        fill(chain, answer)
    for server in (two, one, two):
        server.catch_up()
    assert one.runtime.desk.watched() == two.runtime.desk.watched() == ()
    entries = [entry for entry in read(database) if entry.quoted]
    assert [entry.outcome for entry in entries] == ["spent"] * len(answers)
    routed = [entry.nonce for entry in entries if entry.settlement == Settlement.ONEINCH.value]
    assert len(set(routed)) == len(routed) == 3


def test_order__inventory_reserved_by_the_other__is_refused(
    replicas: tuple[Server, Server], chain: ChainBuilder
) -> None:
    one, two = replicas
    most = {"baseToken": USDC.address, "quoteToken": WETH.address, "amount": None}
    half = str(INVENTORY[WETH.address] * 6 // 10)
    first = one.quote(**most, quoteAmount=half)
    # Asked at once, before the second has heard of the first: the database knows.
    assert two.refused(**most, quoteAmount=half) == (422, "insufficient_inventory")
    fill(chain, first)

"""What a test did to the chain is gone for the next one, whatever other directories call their fixtures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.settlement.desk import Desk


class TestElsewhere:
    @pytest.fixture(scope="session")
    def namesake(self) -> int:
        return 0

    def test_fixture_of_the_session__has_the_name_of_one_of_a_test(self, namesake: int) -> None:
        assert namesake == 0


@pytest.fixture(scope="module")
def balances() -> list[int]:
    return []


class TestHere:
    @pytest.fixture
    def namesake(self, desk: Desk, receiver: Any) -> int:
        desk.quote.mint(receiver, 1, sender=desk.owner)
        return int(desk.quote.balanceOf(receiver))

    @pytest.mark.parametrize("time", range(2))
    def test_fixture_of_a_test__named_like_one_of_the_session__is_undone(
        self, time: int, namesake: int, balances: list[int]
    ) -> None:
        balances.append(namesake)
        assert len(balances) == time + 1
        assert len(set(balances)) == 1

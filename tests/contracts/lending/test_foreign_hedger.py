"""Only a delta hedger of the same settlement contract and of this account may be set."""

from __future__ import annotations

from typing import Any

import pytest

ALIEN = "0x00000000000000000000000000000000000A11E4"


@pytest.fixture
def hedger_like(rpc: Any, delta: Any) -> Any:
    """Put the delta hedger's code, with one of its fixed addresses replaced, at an address."""

    def _make(replaced: str) -> str:
        code = rpc.call("eth_getCode", delta.address, "latest")
        old = replaced[2:].lower()
        assert old in code
        rpc.call("anvil_setCode", ALIEN, code.replace(old, ALIEN[2:].lower()))
        return ALIEN

    return _make


def test_set_delta_hedger__of_another_settlement_only__reverts(
    account: Any, desk: Any, owner: Any, hedger_like: Any, refusal_of: Any
) -> None:
    alien = hedger_like(desk.address)
    assert refusal_of(account.setDeltaHedger, alien, sender=owner) == ("ForeignHedger", alien.lower())


def test_set_delta_hedger__of_another_account_only__reverts(
    account: Any, owner: Any, hedger_like: Any, refusal_of: Any
) -> None:
    alien = hedger_like(account.address)
    assert refusal_of(account.setDeltaHedger, alien, sender=owner) == ("ForeignHedger", alien.lower())

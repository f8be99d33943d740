"""What the delta hedger directs is paid in full or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.localnet.addresses import USDC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, MARKETS, ONE_WETH

both_markets = pytest.mark.parametrize("market", MARKETS, ids=["aave", "compound"])


@pytest.fixture
def hedger(rpc: Any, account: Any, delta: Any) -> Any:
    """The delta hedger's address as a sender."""

    class Sender:
        address = str(delta.address)

    rpc.call("anvil_setBalance", Sender.address, hex(10**20))
    rpc.call("anvil_impersonateAccount", Sender.address)
    return Sender()


@pytest.fixture
def send(rpc: Any, hedger: Any) -> Any:
    """Send a call of the delta hedger that must succeed."""

    def _send(method: Any, *arguments: Any) -> None:
        request = {
            "from": hedger.address,
            "to": str(method.contract.address),
            "data": method.encode_input(*arguments).to_0x_hex(),
            "gas": hex(5_000_000),
        }
        assert rpc.call("eth_sendTransactionSync", request)["status"] == "0x1"

    return _send


@both_markets
def test_reduce__less_withdrawn_than_is_to_be_paid__reverts(
    market: int,
    account: Any,
    supplied: Any,
    operator: Any,
    move: Any,
    hedger: Any,
    stranger: Any,
    refusal_of: Any,
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    account.borrow(market, WETH, ONE_WETH, sender=operator)
    move(WETH, ONE_WETH // 2)
    refused = refusal_of(
        account.reduce,
        *(market, WETH, ONE_WETH // 2, USDC, 10**6, stranger, 10**6 + 1, 0),
        sender=hedger,
    )
    assert refused == ("PayoutShort", USDC.lower(), 10**6 + 1, 10**6)


@both_markets
@pytest.mark.parametrize("rest", [0, 1, 10**6])
def test_reduce__withdrawn_is_at_least_what_is_paid__sends_the_rest_to_the_settlement(
    market: int,
    rest: int,
    account: Any,
    desk: Any,
    supplied: Any,
    operator: Any,
    move: Any,
    send: Any,
    stranger: Any,
    balance_of: Any,
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    account.borrow(market, WETH, ONE_WETH, sender=operator)
    move(WETH, ONE_WETH // 2)
    before = balance_of(USDC, desk), balance_of(USDC, stranger)
    send(account.reduce, market, WETH, ONE_WETH // 2, USDC, 10**6 + rest, stranger, 10**6, 0)
    assert balance_of(USDC, desk) == before[0] + rest
    assert balance_of(USDC, stranger) == before[1] + 10**6
    assert balance_of(USDC, account) == balance_of(WETH, account) == 0


@both_markets
def test_enlarge__within_the_limits__pays_exactly_the_loan(
    market: int, account: Any, move: Any, send: Any, stranger: Any, balance_of: Any
) -> None:
    move(USDC, 30_000 * 10**6)
    before = balance_of(WETH, stranger)
    send(account.enlarge, market, USDC, 30_000 * 10**6, WETH, ONE_WETH, stranger, 0)
    assert balance_of(WETH, stranger) == before + ONE_WETH
    assert balance_of(USDC, account) == balance_of(WETH, account) == 0
    assert account.position(market, WETH)[1] >= ONE_WETH


def test_enlarge__health_asked_is_just_missed__reverts_with_both_figures(
    account: Any, move: Any, hedger: Any, send: Any, stranger: Any, refusal_of: Any
) -> None:
    move(USDC, 60_000 * 10**6)
    send(account.enlarge, AAVE, USDC, 30_000 * 10**6, WETH, ONE_WETH, stranger, 0)
    wanted = account.health(AAVE) + 10**12
    arguments = (AAVE, USDC, 30_000 * 10**6, WETH, ONE_WETH, stranger, wanted)
    error = refusal_of(account.enlarge, *arguments, sender=hedger)
    assert error[:2] == ("HealthTooLow", AAVE)
    assert error[2] < error[3] == wanted

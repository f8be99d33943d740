"""Callbacks that nobody asked for, and a lender that lies."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from eth_abi.abi import decode

from pmm.localnet.addresses import MORPHO, ONEINCH_ROUTER, UNISWAP_V3_FACTORY, USDC, WETH
from tests.contracts.delta.positions import MARGIN_USDC, MORPHO_LOAN, TEN_WETH, Positions, plan
from tests.contracts.lending.desk_fixtures import ALL, MAX_COST_BPS, NOTIONAL_CAP, ONE_WETH, WINDOW_S

NO_CALLBACK, CALLBACK_TWICE, OTHER_AMOUNT, OTHER_DATA, OTHER_CALLER, LENDS_LESS = 1, 2, 4, 5, 7, 8


class Caller:
    """An address that the fork impersonates."""

    def __init__(self, address: str) -> None:
        self.address = address


@pytest.fixture
def pool(builder: Any) -> str:
    """The 0.05 % pool."""
    found: str = builder.read(
        UNISWAP_V3_FACTORY, "getPool(address,address,uint24)", USDC, WETH, 500, returns=("address",)
    )
    return found


def trade_words(terms: int) -> bytes:
    """Return the data of a swap of one WETH for USDC, as DeltaHedger encodes it."""
    values = (int(WETH, 16), int(USDC, 16), ONE_WETH, 0, terms)
    return b"".join(value.to_bytes(32, "big") for value in values)


def test_callbacks__outside_an_operation__are_refused_whoever_calls(
    delta: Any, pool: str, stranger: Any, operator: Any, rpc: Any, refusal_of: Any, positions: Positions
) -> None:
    positions.open_short(plan())
    order = (1, 2, 0, int(WETH, 16), int(USDC, 16), ONE_WETH, 1, 0)
    swap = trade_words(plan() | 1 << 129)
    for address in (pool, MORPHO, ONEINCH_ROUTER, stranger.address, operator.address):
        rpc.call("anvil_setBalance", address, hex(10**20))
        rpc.call("anvil_impersonateAccount", address)
        caller = Caller(address)
        error = refusal_of(delta.uniswapV3SwapCallback, -1, 1, swap, sender=caller)
        assert error == ("UnexpectedCallback", address.lower(), USDC.lower(), ONE_WETH)
        error = refusal_of(delta.onMorphoFlashLoan, ONE_WETH, swap + bytes(32), sender=caller)
        assert error == ("UnexpectedCallback", address.lower(), WETH.lower(), ONE_WETH)
        arguments = (order, b"", b"\0" * 32)
        tail = (ONE_WETH, 1, ONE_WETH, bytes(64))
        error = refusal_of(delta.takerInteraction, *arguments, delta.address, *tail, sender=caller)
        assert error == ("UnexpectedCallback", address.lower(), WETH.lower(), ONE_WETH)
        error = refusal_of(delta.takerInteraction, *arguments, stranger.address, *tail, sender=caller)
        assert error == ("ForeignTaker", stranger.address.lower())


@pytest.fixture
def lender(owner: Any, deal: Any) -> Any:
    """Stands where Morpho is, lends from its own balance and lies on demand."""
    instance = owner.deploy(ape.project.MockLender)
    deal(WETH, instance, 100 * ONE_WETH)
    return instance


@pytest.fixture
def misled(owner: Any, desk: Any, account: Any, lender: Any) -> Any:
    """A delta hedger that takes the mock for Morpho."""
    instance = owner.deploy(
        ape.project.DeltaHedger, desk, account, UNISWAP_V3_FACTORY, lender, ONEINCH_ROUTER, USDC
    )
    account.setDeltaHedger(instance, sender=owner)
    instance.setLimits(MAX_COST_BPS, NOTIONAL_CAP, WINDOW_S, sender=owner)
    return instance


def test_loan__honest_lender__opens(misled: Any, move: Any, operator: Any, account: Any) -> None:
    move(USDC, MARGIN_USDC)
    misled.openShort(WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(MORPHO_LOAN), sender=operator)
    assert account.position(1, WETH)[1] > 0


@pytest.mark.parametrize(
    ("trick", "error"),
    [
        (NO_CALLBACK, "CallbackMissing"),
        (CALLBACK_TWICE, "UnexpectedCallback"),
        (OTHER_AMOUNT, "UnexpectedCallback"),
        (OTHER_DATA, "UnexpectedCallback"),
        (LENDS_LESS, ""),
    ],
    ids=["no-callback", "twice", "amount", "data", "less"],
)
def test_loan__lender_that_lies__reverts(
    trick: int, error: str, misled: Any, lender: Any, move: Any, operator: Any, owner: Any, refusal_of: Any
) -> None:
    move(USDC, MARGIN_USDC)
    lender.setTrick(trick, sender=owner)
    arguments = (WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(MORPHO_LOAN))
    assert refusal_of(misled.openShort, *arguments, sender=operator)[0] == error


def test_loan__callback_by_somebody_else_while_the_ticket_is_open__is_refused(
    misled: Any, lender: Any, move: Any, operator: Any, owner: Any, account: Any, error_types: Any
) -> None:
    move(USDC, MARGIN_USDC)
    lender.setTrick(OTHER_CALLER, sender=owner)
    arguments = (WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(MORPHO_LOAN))
    misled.openShort(*arguments, sender=operator)
    accomplice = ape.project.MockCaller.at(lender.accomplice())
    assert accomplice.called()
    assert not accomplice.succeeded()
    name, types = error_types[bytes(accomplice.answer())[:4]]
    assert name == "UnexpectedCallback"
    assert decode(types, bytes(accomplice.answer())[4:]) == (
        accomplice.address.lower(),
        WETH.lower(),
        TEN_WETH,
    )
    assert account.position(1, WETH)[1] >= TEN_WETH


def test_sweep__donations__go_to_the_settlement_and_never_block(
    delta: Any, positions: Positions, deal: Any, desk: Any, balance_of: Any, stranger: Any
) -> None:
    deal(WETH, delta, 3)
    deal(USDC, delta, 5)
    for source in (1, MORPHO_LOAN):
        positions.open_short(plan(source), amount=ONE_WETH)
        positions.close_short(plan(source), ALL, 2_800 * 10**6)
    before = balance_of(WETH, desk), balance_of(USDC, desk)
    held = balance_of(WETH, delta), balance_of(USDC, delta)
    for token in (WETH, USDC):
        delta.sweep(token, sender=stranger)
        assert balance_of(token, delta) == 0
    assert (balance_of(WETH, desk), balance_of(USDC, desk)) == (before[0] + held[0], before[1] + held[1])

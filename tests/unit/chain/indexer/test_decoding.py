"""Logs into events: amounts of 1inch fills from their transfers, lending, cancels, wrapping; others are left out."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pmm.chain.indexer import EventDecoder, KnownOrder, NodeLied, WatchList, topics
from pmm.chain.indexer.event_text import from_text, to_text
from pmm.chain.indexer.node_answers import Header, HeaderAnswer
from pmm.chain.indexer.watch_list import as_topic
from pmm.domain import (
    DAI,
    USDC,
    WETH,
    ZERO_ADDRESS,
    ChainEvent,
    LendingAction,
    LendingChanged,
    LendingMarket,
    OrderFilled,
    OrdersCancelled,
    Token,
    TokenMoved,
    parse_address,
)
from pmm.errors import ChainError
from tests.helpers.fake_chain import SETTLEMENT, TAKER, FakeBlock, LogSpec, fill, noise, transfer, word

LENDER = parse_address("0x" + "1e" * 20)
MARKET = parse_address("0x" + "a1" * 20)
C_USDC = parse_address("0x" + "c0" * 20)
RESOLVER = parse_address("0x" + "4e" * 20)
OTHER_MAKER = parse_address("0x" + "0a" * 20)
WATCH = WatchList(
    settlement=SETTLEMENT,
    accounts=(SETTLEMENT, LENDER),
    tokens=(WETH.address, USDC.address),
    start_block=1,
    lending_accounts=(LENDER,),
    c_tokens={C_USDC: USDC.address},
    internal=frozenset((MARKET, C_USDC)),
)
PAID, TAKEN = 10**18, 3_000 * 10**6


def router_fill(number: int, remaining: int = 0, transaction: int = 0) -> LogSpec:
    return LogSpec(WATCH.router, (topics.ROUTER_FILLED,), (number, remaining), transaction)


def pay(amount: int = PAID, receiver: str = TAKER, transaction: int = 0) -> LogSpec:
    return transfer(WETH.address, SETTLEMENT, parse_address(receiver), amount, transaction)


def take(amount: int = TAKEN, sender: str = TAKER, transaction: int = 0) -> LogSpec:
    return transfer(USDC.address, parse_address(sender), SETTLEMENT, amount, transaction)


def decode(
    logs: Sequence[LogSpec], known: dict[int, KnownOrder] | None = None, watch: WatchList = WATCH
) -> tuple[ChainEvent, ...]:
    block = FakeBlock(1, "0x" + "00" * 32, tuple(logs), 1)
    orders = {number.to_bytes(32, "big"): order for number, order in (known or {}).items()}
    header = block.header()
    del header["transactions"]
    answers = block.log_answers()
    events = EventDecoder(watch, orders.get).events(Header(HeaderAnswer(**header)).block, answers)
    for event in events:
        kind, body = to_text(event)
        assert from_text(kind, body, event.place) == event
    return events


def fills(
    logs: Sequence[LogSpec], known: dict[int, KnownOrder] | None = None, watch: WatchList = WATCH
) -> list[OrderFilled]:
    return [event for event in decode(logs, known, watch) if isinstance(event, OrderFilled)]


ORDER = KnownOrder(
    maker_asset=WETH.address, taker_asset=USDC.address, making_amount=PAID, taking_amount=TAKEN
)


@pytest.mark.parametrize("known", [None, {1: ORDER}])
def test_router_fill__of_ours__has_the_amounts_of_its_transfers(known: dict[int, KnownOrder] | None) -> None:
    (found,) = fills([pay(), take(), router_fill(1)], known)
    assert (found.maker_asset, found.making_amount) == (WETH.address, PAID)
    assert (found.taker_asset, found.taking_amount) == (USDC.address, TAKEN)
    assert (found.taker, found.settled_by, found.place.log_index) == (TAKER, WATCH.router, 2)


@pytest.mark.parametrize("known", [None, {1: ORDER, 2: ORDER}])
def test_router_fill__two_in_one_transaction__each_has_its_own(known: dict[int, KnownOrder] | None) -> None:
    logs = [pay(), take(), router_fill(1), pay(), take(TAKEN + 5), router_fill(2)]
    assert [(one.order_hash[-1], one.taking_amount) for one in fills(logs, known)] == [
        (1, TAKEN),
        (2, TAKEN + 5),
    ]


def test_router_fill__inside_another__each_has_its_own() -> None:
    logs = [pay(7), pay(9), take(90), router_fill(2), take(70), router_fill(1)]
    found = [(one.order_hash[-1], one.making_amount, one.taking_amount) for one in fills(logs)]
    assert found == [(2, 9, 90), (1, 7, 70)]


def test_router_fill__two_transactions_of_one_block__are_kept_apart() -> None:
    logs = [pay(5), take(50), router_fill(1), pay(6, transaction=1), take(60, transaction=1)]
    logs.append(router_fill(2, transaction=1))
    assert [(one.making_amount, one.taking_amount) for one in fills(logs)] == [(5, 50), (6, 60)]


@pytest.mark.parametrize("known", [None, {1: ORDER}])
def test_router_fill__hooks_move_tokens_too__are_not_taken_for_the_fill(
    known: dict[int, KnownOrder] | None,
) -> None:
    logs = [
        transfer(WETH.address, MARKET, SETTLEMENT, PAID),  # withdrawn before
        pay(),
        take(),
        transfer(USDC.address, SETTLEMENT, MARKET, TAKEN),  # deposited after
        router_fill(1),
    ]
    (found,) = fills(logs, known)
    assert (found.making_amount, found.taking_amount, found.taker) == (PAID, TAKEN, TAKER)


@pytest.mark.parametrize("token", [USDC, DAI], ids=["of what it pays", "of another token"])
def test_router_fill__of_a_known_order__dust_before_the_payment__is_not_the_payment(token: Token) -> None:
    watch = replace(WATCH, tokens=(*WATCH.tokens, DAI.address))
    logs = [pay(), transfer(token.address, TAKER, SETTLEMENT, 1), take(), router_fill(1)]
    (found,) = fills(logs, {1: ORDER}, watch)
    assert (found.taker_asset, found.taking_amount) == (USDC.address, TAKEN)


def test_router_fill__a_part_of_a_known_order__pays_its_share_rounded_up() -> None:
    making, taking = PAID // 3, -(-TAKEN * (PAID // 3) // PAID)
    logs = [pay(making), take(taking - 1), take(taking), router_fill(1, PAID - making)]
    (found,) = fills(logs, {1: ORDER})
    assert (found.making_amount, found.taking_amount) == (making, taking)


def test_router_fill__taker_pays_ether__is_who_got_the_asset() -> None:
    logs = [
        transfer(USDC.address, SETTLEMENT, TAKER, TAKEN),
        LogSpec(WETH.address, (topics.WETH_DEPOSIT, as_topic(WATCH.router)), (PAID,)),
        transfer(WETH.address, WATCH.router, SETTLEMENT, PAID),
        router_fill(1),
    ]
    (found,) = fills(logs)
    assert (found.taker, found.maker_asset, found.taking_amount) == (TAKER, USDC.address, PAID)


def test_router_fill__receiver_is_another__the_payer_is_the_taker() -> None:
    (found,) = fills([pay(receiver=RESOLVER), take(), router_fill(1)])
    assert found.taker == TAKER


@pytest.mark.parametrize(
    "logs",
    [
        [router_fill(1)],
        [
            transfer(WETH.address, OTHER_MAKER, TAKER, PAID),
            transfer(USDC.address, TAKER, OTHER_MAKER, 5),
            router_fill(1),
        ],
        [pay(), router_fill(1), take()],
        [pay(), router_fill(1)],
        [take(), pay(), router_fill(1)],
        [pay(), take(), router_fill(1, transaction=1)],
        [pay(), transfer(WETH.address, TAKER, SETTLEMENT, PAID), router_fill(1)],
        [pay(), take(), LogSpec("0x" + "12" * 20, (topics.ROUTER_FILLED,), (1, 0))],
    ],
)
def test_router_fill__of_somebody_else__is_none(logs: list[LogSpec]) -> None:
    assert fills(logs) == []


@pytest.mark.parametrize("settled_first", [True, False])
def test_router_fill__of_somebody_else_beside_a_fill_on_our_contract__counts_once(
    settled_first: bool,
) -> None:
    ours = [pay(), take(), fill(1, making=PAID, taking=TAKEN)]
    theirs = [
        transfer(WETH.address, OTHER_MAKER, TAKER, PAID),
        transfer(USDC.address, TAKER, OTHER_MAKER, TAKEN),
        router_fill(2),
    ]
    found = fills([*ours, *theirs] if settled_first else [*theirs[:-1], *ours, theirs[-1]])
    assert [(one.order_hash[-1], one.settled_by) for one in found] == [(1, SETTLEMENT)]


def test_router_fill__of_ours_beside_a_fill_on_our_contract__each_has_its_own() -> None:
    logs = [pay(), take(), fill(1, making=PAID, taking=TAKEN), pay(), take(TAKEN + 5), router_fill(2)]
    assert [(one.order_hash[-1], one.taking_amount) for one in fills(logs)] == [(1, TAKEN), (2, TAKEN + 5)]


def test_router_fill__known_order_and_others_mixed__takes_what_fits() -> None:
    logs = [pay(5), pay(), take(), take(9), router_fill(1)]
    (found,) = fills(logs, {1: ORDER})
    assert (found.making_amount, found.taking_amount) == (PAID, TAKEN)


def test_router_fill__part_of_a_known_order__is_what_left() -> None:
    (found,) = fills([pay(PAID // 4), take(), router_fill(1, remaining=PAID - PAID // 4)], {1: ORDER})
    assert found.making_amount == PAID // 4


@pytest.mark.parametrize(
    "logs", [[router_fill(1)], [pay(), router_fill(1)], [pay(5), take(), router_fill(1)]]
)
def test_router_fill__known_order_without_its_transfers__is_refused(logs: list[LogSpec]) -> None:
    with pytest.raises(NodeLied, match="logs are missing"):
        decode(logs, {1: ORDER})


def aave(kind: str, *indexed: str, words: tuple[int, ...]) -> LogSpec:
    return LogSpec(WATCH.aave_pool, (kind, *indexed), words)


_OURS, _THEIRS, _USDC, _WETH = (
    as_topic(LENDER),
    as_topic(TAKER),
    as_topic(USDC.address),
    as_topic(WETH.address),
)
_LENDER = int(LENDER, 16)


@pytest.mark.parametrize(
    ("log", "action", "amount"),
    [
        (aave(topics.AAVE_SUPPLY, _USDC, _OURS, word(0), words=(1, 77)), LendingAction.SUPPLY, 77),
        (aave(topics.AAVE_WITHDRAW, _USDC, _OURS, _THEIRS, words=(78,)), LendingAction.WITHDRAW, 78),
        (aave(topics.AAVE_BORROW, _USDC, _OURS, word(0), words=(1, 79, 2, 5)), LendingAction.BORROW, 79),
        (aave(topics.AAVE_REPAY, _USDC, _OURS, _THEIRS, words=(80, 0)), LendingAction.REPAY, 80),
        (LogSpec(C_USDC, (topics.COMPOUND_MINT,), (_LENDER, 81, 1)), LendingAction.SUPPLY, 81),
        (LogSpec(C_USDC, (topics.COMPOUND_REDEEM,), (_LENDER, 82, 1)), LendingAction.WITHDRAW, 82),
        (LogSpec(C_USDC, (topics.COMPOUND_BORROW,), (_LENDER, 83, 1, 1)), LendingAction.BORROW, 83),
        (LogSpec(C_USDC, (topics.COMPOUND_REPAY,), (5, _LENDER, 84, 1, 1)), LendingAction.REPAY, 84),
    ],
)
def test_lending__of_ours__is_told(log: LogSpec, action: LendingAction, amount: int) -> None:
    (found,) = decode([log])
    assert isinstance(found, LendingChanged)
    assert (found.action, found.account, found.token, found.amount) == (action, LENDER, USDC.address, amount)


def test_lending__liquidation_on_aave__names_both_sides() -> None:
    (found,) = decode([aave(topics.AAVE_LIQUIDATION, _WETH, _USDC, _OURS, words=(500, 9, 1, 0))])
    assert isinstance(found, LendingChanged)
    assert (found.token, found.amount) == (WETH.address, 9)
    assert (found.debt_token, found.debt_amount) == (USDC.address, 500)


def test_lending__liquidation_on_compound__counts_the_shares_seized() -> None:
    words = (5, _LENDER, 500, int(C_USDC, 16), 9)
    (found,) = decode([LogSpec(C_USDC, (topics.COMPOUND_LIQUIDATION,), words)])
    assert isinstance(found, LendingChanged)
    assert (found.action, found.token, found.amount) == (LendingAction.LIQUIDATION, C_USDC, 9)
    assert found.market is LendingMarket.COMPOUND_V2


@pytest.mark.parametrize(
    "log",
    [
        aave(topics.AAVE_SUPPLY, _USDC, _THEIRS, word(0), words=(_LENDER, 77)),
        aave(topics.AAVE_WITHDRAW, _USDC, _THEIRS, _OURS, words=(78,)),
        LogSpec(C_USDC, (topics.COMPOUND_REPAY,), (_LENDER, 5, 84, 1, 1)),
        LogSpec(TAKER, (topics.COMPOUND_MINT,), (_LENDER, 81, 1)),
        transfer(DAI.address, SETTLEMENT, TAKER, 5),
        transfer(WETH.address, TAKER, OTHER_MAKER, 5),
        LogSpec(USDC.address, (topics.WETH_DEPOSIT, as_topic(SETTLEMENT)), (5,)),
        LogSpec(TAKER, fill(1).topics, fill(1).words),
        LogSpec(WATCH.router, (next(iter(topics.ROUTER_CANCELS)), as_topic(OTHER_MAKER)), (1, 2)),
        LogSpec(SETTLEMENT, (), ()),
        noise(1),
    ],
)
def test_log__of_somebody_else__is_passed_over(log: LogSpec) -> None:
    assert decode([log]) == ()


def test_weth__wrapped_and_unwrapped__moves_from_and_to_nobody() -> None:
    logs = [
        LogSpec(WETH.address, (topics.WETH_DEPOSIT, as_topic(LENDER)), (5,)),
        LogSpec(WETH.address, (topics.WETH_WITHDRAWAL, as_topic(LENDER)), (3,)),
    ]
    found = [(one.sender, one.receiver, one.amount) for one in decode(logs) if isinstance(one, TokenMoved)]
    assert found == [(ZERO_ADDRESS, LENDER, 5), (LENDER, ZERO_ADDRESS, 3)]


@pytest.mark.parametrize(("topic", "what"), list(topics.SETTLEMENT_CANCELS.items()))
def test_settlement__cancel__is_told_with_its_words(topic: str, what: str) -> None:
    (found,) = decode([LogSpec(SETTLEMENT, (topic, as_topic(TAKER)), (3, 4))])
    assert isinstance(found, OrdersCancelled)
    assert (found.contract, found.what, found.words) == (SETTLEMENT, what, (int(TAKER, 16), 3, 4))


@pytest.mark.parametrize(("topic", "what"), list(topics.ROUTER_CANCELS.items()))
def test_router__cancel_by_us__is_told(topic: str, what: str) -> None:
    (found,) = decode([LogSpec(WATCH.router, (topic, as_topic(SETTLEMENT)), (3, 4))])
    assert isinstance(found, OrdersCancelled)
    assert (found.what, found.words) == (what, (int(SETTLEMENT, 16), 3, 4))


@pytest.mark.parametrize(
    "log",
    [
        LogSpec(USDC.address, (topics.TRANSFER, as_topic(SETTLEMENT)), (5,)),
        LogSpec(USDC.address, (topics.TRANSFER, as_topic(SETTLEMENT), as_topic(TAKER)), ()),
        LogSpec(SETTLEMENT, (topics.SETTLEMENT_FILLED, word(1), as_topic(TAKER)), (1, 2)),
    ],
)
def test_log__of_ours_without_its_arguments__is_refused(log: LogSpec) -> None:
    with pytest.raises(ChainError, match="expected the arguments of event"):
        decode([log])

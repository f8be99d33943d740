"""What the server signs, real contracts fill: to the unit, on both venues, and once only."""

from dataclasses import replace
from pathlib import Path

import pytest

from pmm.chain.abi import selector
from pmm.chain.deployments import load_deployment, save_deployment
from pmm.domain import USDC, WETH, FundingSource, OwnDomainTerms, Token
from pmm.errors import ChainError
from pmm.execution import CONTRACT_VENUES, Settlement
from pmm.journal import read
from pmm.localnet.addresses import keyless_account
from pmm.localnet.funding import deal
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.site import TAKER, Deployed, Server, approve_all, fill, holdings, serving

# What either contract says to a taker whom the order does not name.
_PRIVATE = {
    Settlement.ONEINCH: "0x" + selector("PrivateOrder()").hex(),
    Settlement.PMM: "0x" + selector("PrivateOrder(address)").hex(),
}


@pytest.mark.parametrize("settlement", CONTRACT_VENUES)
def test_order__filled_whole__moves_exactly_what_was_signed(
    server: Server, chain: ChainBuilder, deployed: Deployed, settlement: Settlement
) -> None:
    answer = server.quote(settlement=settlement.value)
    before = holdings(deployed.rpc, deployed.settlement, TAKER)
    fill(chain, answer)
    after = holdings(deployed.rpc, deployed.settlement, TAKER)
    order = answer.signed.order
    moved = [new - old for old, new in zip(before, after, strict=True)]
    assert moved == [
        order.taking_amount,
        -order.making_amount,
        -order.taking_amount,
        order.making_amount,
    ]


@pytest.mark.parametrize("settlement", CONTRACT_VENUES)
def test_order__filled_twice__reverts(server: Server, chain: ChainBuilder, settlement: Settlement) -> None:
    answer = server.quote(settlement=settlement.value)
    fill(chain, answer)
    with pytest.raises(ChainError):
        fill(chain, answer)


@pytest.mark.parametrize("settlement", CONTRACT_VENUES)
def test_order__taken_by_somebody_else__reverts(
    server: Server, chain: ChainBuilder, deployed: Deployed, settlement: Settlement
) -> None:
    answer = server.quote(settlement=settlement.value)
    stranger = keyless_account("stranger")
    deal(deployed.rpc, WETH.address, stranger, 10**19)
    approve_all(chain, deployed, holder=stranger)
    # Nothing but its name keeps the stranger out.
    with pytest.raises(ChainError, match=_PRIVATE[settlement]):
        fill(chain, answer, taker=stranger)
    fill(chain, answer)


def test_order__filled__frees_the_reservation_and_is_journaled(
    server: Server, chain: ChainBuilder, journal: Path
) -> None:
    answers = [server.quote(settlement=venue.value) for venue in CONTRACT_VENUES]
    assert len(server.runtime.desk.watched()) == 2
    for answer in answers:
        fill(chain, answer)
    server.catch_up()
    assert server.runtime.desk.watched() == ()
    entries = [entry for entry in read(journal) if entry.quoted]
    assert [entry.outcome for entry in entries] == ["spent", "spent"]
    assert [entry.order_hash for entry in entries] == [answer.signed.order_hash for answer in answers]
    assert [entry.signature for entry in entries] == [
        answer.signed.signature.to_bytes65() for answer in answers
    ]


@pytest.mark.parametrize(
    ("base", "quote", "amount"),
    [(USDC, WETH, 60 * 10**18), (WETH, USDC, 220_000 * 10**6)],
    ids=["buys 60 WETH", "buys 220,000 USDC"],
)
def test_order__beyond_inventory__is_funded_by_the_pool_and_earns_what_was_expected(
    server: Server,
    chain: ChainBuilder,
    deployed: Deployed,
    journal: Path,
    base: Token,
    quote: Token,
    amount: int,
) -> None:
    answer = server.quote(
        settlement="pmm",
        baseToken=base.address,
        quoteToken=quote.address,
        amount=None,
        quoteAmount=str(amount),
    )
    plan = OwnDomainTerms.decode(answer.signed.extension).funding_plan
    assert answer.is_flash_funded
    assert plan is not None
    before = dict(zip("wuWU", holdings(deployed.rpc, deployed.settlement, TAKER), strict=True))
    fill(chain, answer)
    after = dict(zip("wuWU", holdings(deployed.rpc, deployed.settlement, TAKER), strict=True))
    paid, got, kept, untouched = ("U", "W", "u", "w") if base is USDC else ("W", "U", "w", "u")
    assert before[paid] - after[paid] == answer.signed.order.taking_amount
    assert after[got] - before[got] == amount
    assert after[untouched] == before[untouched]
    profit = after[kept] - before[kept]
    (entry,) = read(journal)
    assert entry.expected_profit is not None
    # The pool stands where it was quoted: the estimate is a lower bound, and not far below.
    assert profit >= entry.expected_profit >= plan.min_profit
    assert profit <= entry.expected_profit * 130 // 100


@pytest.mark.parametrize("donated", [(), (WETH,), (WETH, USDC)], ids=["nothing", "WETH", "both"])
def test_order__a_donation_lies_in_the_hedger__the_next_fill_through_it_leaves_it_empty(
    deployed: Deployed, chain: ChainBuilder, tmp_path: Path, donated: tuple[Token, ...]
) -> None:
    hedger = load_deployment(deployed.record).address("AtomicHedger")
    for token in donated:
        deal(deployed.rpc, token.address, hedger, 12_345)
    lying = holdings(deployed.rpc, hedger)
    for source, left in (("uniswap_v3_swap", lying), ("morpho_blue_loan", [0, 0])):
        with serving(deployed, tmp_path / f"{source}.sqlite", funding_sources=source) as server:
            answer = server.quote(
                settlement="pmm",
                baseToken=USDC.address,
                quoteToken=WETH.address,
                amount=None,
                quoteAmount=str(60 * 10**18),
            )
            assert answer.is_flash_funded
            fill(chain, answer)
        # A flash swap on one pool fills without the hedger.
        assert holdings(deployed.rpc, hedger) == left


def test_order__no_hedger_in_the_record__is_funded_by_the_flash_swap_alone(
    deployed: Deployed, chain: ChainBuilder, tmp_path: Path
) -> None:
    record = load_deployment(deployed.record)
    without = tmp_path / "record.json"
    contracts = {name: one for name, one in record.contracts.items() if name != "AtomicHedger"}
    save_deployment(replace(record, contracts=contracts), without)
    alone = replace(deployed, record=without)
    with serving(alone, tmp_path / "journal.sqlite") as server:
        answer = server.quote(
            settlement="pmm",
            baseToken=USDC.address,
            quoteToken=WETH.address,
            amount=None,
            quoteAmount=str(60 * 10**18),
        )
        plan = OwnDomainTerms.decode(answer.signed.extension).funding_plan
        assert plan is not None
        assert plan.source is FundingSource.UNISWAP_V3_SWAP
        deployed.rpc.call("anvil_setCode", record.address("AtomicHedger"), "0x")
        fill(chain, answer)


def test_order__several_flash_sources__each_fills(
    deployed: Deployed, chain: ChainBuilder, tmp_path: Path
) -> None:
    for source in ("morpho_blue_loan", "balancer_v2_loan", "aave_v3_loan"):
        with serving(deployed, tmp_path / f"{source}.sqlite", funding_sources=source) as server:
            answer = server.quote(
                settlement="pmm",
                baseToken=USDC.address,
                quoteToken=WETH.address,
                amount=None,
                quoteAmount=str(50 * 10**18),
            )
            fill(chain, answer)


def test_order__private_on_pmm__fills_for_the_named_taker(server: Server, chain: ChainBuilder) -> None:
    answer = server.quote(settlement="pmm", private=True)
    assert OwnDomainTerms.decode(answer.signed.extension).private_taker == TAKER
    fill(chain, answer)


def test_order__expired__reverts_and_gives_the_inventory_back(
    server: Server, chain: ChainBuilder, journal: Path
) -> None:
    answer = server.quote(expiryDuration=5)
    chain.rpc.call("evm_increaseTime", 60)
    chain.rpc.call("evm_mine")
    with pytest.raises(ChainError):
        fill(chain, answer)
    server.catch_up()
    assert server.runtime.desk.watched() == ()
    (entry,) = read(journal)
    assert entry.outcome == "expired"
    assert entry.signature == answer.signed.signature.to_bytes65()


def test_order__more_than_one_lane_of_quotes__all_are_fillable(server: Server, chain: ChainBuilder) -> None:
    answers = [server.quote(settlement="pmm", amount=str(10**16)) for _ in range(9)]
    # The youngest first: the window of its lane slides over the others without killing them.
    for answer in reversed(answers):
        fill(chain, answer)


def test_levels__every_level__is_kept_by_the_firm_quote(server: Server) -> None:
    levels = server.ask("GET", "/levels").json()[f"{WETH.address}_{USDC.address}".lower()]
    price, size = levels[0]
    answer = server.quote(amount=str(int(float(size) * 10**18)))
    order = answer.signed.order
    got = order.making_amount * 10**12 / order.taking_amount
    assert got <= float(price)
    assert got > float(price) * 0.999999

"""Real swaps on V2, V3 and V4, quotes that equal them, depth, and Permit2."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from pmm.chain.abi import encode_call
from pmm.errors import ChainError
from pmm.localnet.addresses import (
    DAI,
    MULTICALL3,
    PERMIT2,
    UNISWAP_SWAP_ROUTER_02,
    UNISWAP_V2_ROUTER,
    UNISWAP_V3_POSITION_MANAGER,
    UNISWAP_V3_QUOTER_V2,
    UNISWAP_V3_SWAP_ROUTER,
    UNISWAP_V3_TICK_LENS,
    UNISWAP_V4_SWAP_ROUTER,
    USDC,
    USDT,
    WBTC,
    WETH,
)
from pmm.localnet.builder import State
from pmm.localnet.feeds import read_answers
from pmm.localnet.funding import NATIVE, balance_of, deal
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pools import POOLS, Pool, Version, price_ratio, v4_pool_key
from pmm.localnet.protocols import uniswap_v3

TEN_ETHER = 10 * 10**18
DEADLINE_S = 2**40
V3_POOLS = [pool for pool in POOLS if pool.version == Version.V3]
QUOTE = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"


def quote(chain: ChainBuilder, sell: str, buy: str, fee_pips: int, amount: int) -> int:
    data = encode_call(QUOTE, (sell, buy, amount, fee_pips, 0))
    return int.from_bytes(chain.call(UNISWAP_V3_QUOTER_V2, data)[:32])


def approve(chain: ChainBuilder, token: str, owner: str, spender: str) -> None:
    chain.transact(token, "approve(address,uint256)", spender, 2**256 - 1, sender=owner)


@pytest.mark.parametrize("pool", V3_POOLS, ids=lambda p: p.name)
@pytest.mark.parametrize("direction", [1, -1], ids=["zero for one", "one for zero"])
def test_swap_router__each_v3_pool__pays_exactly_what_quoter_v2_said(
    chain: ChainBuilder, trader: str, pool: Pool, direction: int
) -> None:
    sell, buy = pool.tokens[::direction]
    amount = {WETH: 10**18, WBTC: 10**7, USDC: 3 * 10**9, USDT: 3 * 10**9, DAI: 3 * 10**21}[sell]
    deal(chain.rpc, sell, trader, amount)
    approve(chain, sell, trader, UNISWAP_V3_SWAP_ROUTER)
    expected = quote(chain, sell, buy, pool.fee_pips, amount)
    chain.transact(
        UNISWAP_V3_SWAP_ROUTER,
        "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
        (sell, buy, pool.fee_pips, trader, DEADLINE_S, amount, expected, 0),
        sender=trader,
    )
    assert expected > 0
    assert (balance_of(chain.rpc, sell, trader), balance_of(chain.rpc, buy, trader)) == (0, expected)


def test_swap_router__less_than_the_minimum__reverts(chain: ChainBuilder, trader: str) -> None:
    deal(chain.rpc, WETH, trader, 10**18)
    approve(chain, WETH, trader, UNISWAP_V3_SWAP_ROUTER)
    too_much = quote(chain, WETH, USDC, 500, 10**18) + 1
    with pytest.raises(ChainError, match="Too little received"):
        chain.transact(
            UNISWAP_V3_SWAP_ROUTER,
            "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
            (WETH, USDC, 500, trader, DEADLINE_S, 10**18, too_much, 0),
            sender=trader,
        )


def test_swap_router_02__weth_to_usdt__pays_the_quote(chain: ChainBuilder, trader: str) -> None:
    deal(chain.rpc, WETH, trader, 10**18)
    approve(chain, WETH, trader, UNISWAP_SWAP_ROUTER_02)
    expected = quote(chain, WETH, USDT, 500, 10**18)
    chain.transact(
        UNISWAP_SWAP_ROUTER_02,
        "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))",
        (WETH, USDT, 500, trader, 10**18, 0, 0),
        sender=trader,
    )
    assert balance_of(chain.rpc, USDT, trader) == expected


@pytest.mark.parametrize(("fee_pips", "most_bps"), [(500, 5), (3_000, 5)])
def test_depth__ten_ether__moves_the_pool_by_a_few_basis_points(
    chain: ChainBuilder, trader: str, fee_pips: int, most_bps: int
) -> None:
    pool = next(p for p in V3_POOLS if p.symbols == ("USDC", "WETH") and p.fee_pips == fee_pips)
    before = uniswap_v3.sqrt_price(chain, pool)
    deal(chain.rpc, WETH, trader, TEN_ETHER)
    approve(chain, WETH, trader, UNISWAP_V3_SWAP_ROUTER)
    chain.transact(
        UNISWAP_V3_SWAP_ROUTER,
        "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
        (WETH, USDC, fee_pips, trader, DEADLINE_S, TEN_ETHER, 0, 0),
        sender=trader,
    )
    after = uniswap_v3.sqrt_price(chain, pool)
    assert before is not None
    assert after is not None
    moved_millibps = abs(after**2 - before**2) * 10_000_000 // before**2
    assert 500 < moved_millibps < most_bps * 1_000


def test_start_prices__every_v3_quote__is_the_feed_price_less_the_fee(chain: ChainBuilder) -> None:
    answers = read_answers(chain)
    for pool in V3_POOLS:
        numerator, denominator = price_ratio(pool, answers)
        amount = {WETH: 10**16, WBTC: 10**5, USDC: 10**7, DAI: 10**19}[pool.tokens[0]]
        ideal = amount * numerator // denominator
        found = quote(chain, *pool.tokens, pool.fee_pips, amount)
        lost_pips = (ideal - found) * 1_000_000 // ideal
        assert pool.fee_pips - 1 <= lost_pips <= pool.fee_pips + 100, pool.name


def test_v2_router__weth_to_usdc__pays_by_the_constant_product(chain: ChainBuilder, trader: str) -> None:
    deal(chain.rpc, WETH, trader, 10**18)
    approve(chain, WETH, trader, UNISWAP_V2_ROUTER)
    path = [WETH, USDC]
    amounts = chain.read(
        UNISWAP_V2_ROUTER, "getAmountsOut(uint256,address[])", 10**18, path, returns=("uint256[]",)
    )
    chain.transact(
        UNISWAP_V2_ROUTER,
        "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
        *(10**18, 0, path, trader, DEADLINE_S),
        sender=trader,
    )
    assert balance_of(chain.rpc, USDC, trader) == amounts[1] > 2_000 * 10**6


def test_v4_pool_manager__ether_to_usdc__pays_and_takes_exactly_the_input(
    chain: ChainBuilder, trader: str
) -> None:
    pool = next(p for p in POOLS if p.version == Version.V4)
    deal(chain.rpc, NATIVE, trader, 10**24)
    lowest = 4_295_128_740
    receipt = chain.transact(
        UNISWAP_V4_SWAP_ROUTER,
        "swap((address,address,uint24,int24,address),(bool,int256,uint160),(bool,bool),bytes)",
        *(v4_pool_key(pool), (True, -(10**18), lowest), (False, False), b""),
        sender=trader,
        value=10**18,
    )
    gas_wei = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert balance_of(chain.rpc, NATIVE, trader) == 10**24 - 10**18 - gas_wei
    answers = read_answers(chain)
    ideal = answers["ETH"] * 10**6 // answers["USDC"]
    assert ideal * 999 // 1_000 < balance_of(chain.rpc, USDC, trader) < ideal


def test_tick_lens_and_positions__seeded_pool__shows_its_liquidity(chain: ChainBuilder, state: State) -> None:
    pool = state.addresses["V3 USDC/WETH 0.05 %"]
    tick = chain.read(
        pool, "slot0()", returns=("uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool")
    )[1]
    words = range((tick // 10 >> 8) - 3, (tick // 10 >> 8) + 4)
    found = [
        row
        for word in words
        for row in chain.read(
            UNISWAP_V3_TICK_LENS,
            "getPopulatedTicksInWord(address,int16)",
            *(pool, word),
            returns=("(int24,int128,uint128)[]",),
        )
    ]
    assert len(found) == 4  # two bounded positions
    assert chain.read(UNISWAP_V3_POSITION_MANAGER, "tokenURI(uint256)", 1, returns=("string",)).startswith(
        "data:application/json;base64,"
    )


def test_permit2__signed_transfer__moves_the_tokens_once(chain: ChainBuilder, trader: str) -> None:
    signer = Account.create()
    deal(chain.rpc, USDC, signer.address, 1_000)
    approve(chain, USDC, signer.address, PERMIT2)
    permit = ((USDC, 600), 7, DEADLINE_S)
    message = {
        "permitted": {"token": USDC, "amount": 600},
        "spender": trader,
        "nonce": 7,
        "deadline": DEADLINE_S,
    }
    types = {
        "PermitTransferFrom": [
            {"name": "permitted", "type": "TokenPermissions"},
            {"name": "spender", "type": "address"},
            {"name": "nonce", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ],
        "TokenPermissions": [{"name": "token", "type": "address"}, {"name": "amount", "type": "uint256"}],
    }
    domain = {"name": "Permit2", "chainId": 1, "verifyingContract": PERMIT2}
    signature = signer.sign_message(encode_typed_data(domain, types, message)).signature
    call = "permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes)"
    arguments = (permit, (trader, 600), signer.address, signature)
    chain.transact(PERMIT2, call, *arguments, sender=trader)
    assert balance_of(chain.rpc, USDC, trader) == 600
    with pytest.raises(ChainError):
        chain.transact(PERMIT2, call, *arguments, sender=trader)


def test_multicall3__several_reads__come_back_in_order(chain: ChainBuilder) -> None:
    calls = [(token, True, encode_call("decimals()")) for token in (WETH, USDC, WBTC)]
    rows = chain.read(MULTICALL3, "aggregate3((address,bool,bytes)[])", calls, returns=("(bool,bytes)[]",))
    assert [int.from_bytes(data) for _, data in rows] == [18, 6, 8]

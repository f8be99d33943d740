"""What pools and lenders ask, by their own quoters and views: never by the code under test."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from pmm.chain.abi import encode_call
from pmm.chain.addresses import (
    AAVE_V3_POOL,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V3_QUOTER_V2,
    UNISWAP_V4_POOL_MANAGER,
)
from pmm.chain.rpc import JsonRpc
from pmm.domain import USDC, WETH, FundingSource
from pmm.localnet.addresses import UNISWAP_V4_LIQUIDITY_ROUTER, UNISWAP_V4_SWAP_ROUTER, keyless_account
from pmm.localnet.feeds import read_answers
from pmm.localnet.funding import NATIVE, add, allow
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pools import (
    MAX_TICK,
    Pool,
    Version,
    amounts_for_liquidity_up,
    liquidity_of,
    price_ratio,
    sqrt_price_x96,
)
from pmm.localnet.protocols.uniswap_v4 import place_router
from pmm.localnet.tarballs import Packages
from tests.contracts.hedger.hedges import LENDING_FEE_PIPS

_KEY = "(address,address,uint24,int24,address)"
_SWAP = f"swap({_KEY},(bool,int256,uint160),(bool,bool),bytes)"
_MODIFY = f"modifyLiquidity({_KEY},(int24,int24,int256,bytes32),bytes)"
_LOWEST_PRICE, _HIGHEST_PRICE = 4295128740, 1461446703485210103287273052203988822378723970341
_TRADER = keyless_account("trader of the hedger's tests")
_PLENTY = {WETH.address: 10**24, USDC.address: 10**15}
_AAVE_PREMIUM_SCALE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class V4Pool:
    """A Uniswap V4 pool without hooks of WETH or ether, and USDC."""

    fee_pips: int
    tick_spacing: int
    ether: bool

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        pair = (NATIVE, USDC.address) if self.ether else (USDC.address, WETH.address)
        return (*pair, self.fee_pips, self.tick_spacing, NATIVE)

    def currency(self, token: str) -> str:
        return NATIVE if self.ether and token == WETH.address else token


def place_v4_routers(chain: ChainBuilder) -> None:
    """The protocol's own test routers, which a fork of the real chain lacks; a trader who can pay by them."""
    routers = {
        "PoolSwapTest": UNISWAP_V4_SWAP_ROUTER,
        "PoolModifyLiquidityTest": UNISWAP_V4_LIQUIDITY_ROUTER,
    }
    for name, address in routers.items():
        if not chain.code(address):
            place_router(chain, Packages(), name, address)
    chain.fund(_TRADER)
    for token, amount in _PLENTY.items():
        add(chain, token, _TRADER, amount)
        for router in routers.values():
            allow(chain, token, _TRADER, router, 2**255)


def seed_v4_pool(chain: ChainBuilder, pool: V4Pool, *, depth_usd: int, ticks: int | None = None) -> None:
    """Create a pool of WETH and USDC at the feed's price, with one position over +-``ticks`` or over all prices."""
    spacing = pool.tick_spacing
    model = Pool(version=Version.V3, symbols=("USDC", "WETH"), fee_pips=500, depth_usd=depth_usd)
    answers = read_answers(chain)
    price = sqrt_price_x96(price_ratio(model, answers))
    chain.transact(UNISWAP_V4_POOL_MANAGER, f"initialize({_KEY},uint160)", pool.key, price, sender=_TRADER)
    liquidity = liquidity_of(model, answers)
    if not liquidity:
        return
    edge = MAX_TICK // spacing * spacing
    bounds = (-edge, edge)
    if ticks is not None:
        middle = round(2 * log(price / 2**96, 1.0001)) // spacing * spacing
        bounds = (middle - ticks, middle + ticks)
    amounts = amounts_for_liquidity_up(liquidity, price, bounds)
    for token, amount in zip(pool.key[:2], amounts, strict=True):
        add(chain, token, _TRADER, amount + amount // 1_000_000 + 1)
    position = (*bounds, liquidity, bytes(32))
    chain.transact(UNISWAP_V4_LIQUIDITY_ROUTER, _MODIFY, pool.key, position, b"", sender=_TRADER)


class Costs:
    """Reads the fork's pools and lenders."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._chain = ChainBuilder(rpc)

    def on_v3(self, token_in: str, token_out: str, amount_out: int, fee_pips: int) -> int:
        signature = "quoteExactOutputSingle((address,address,uint256,uint24,uint160))"
        query = (token_in, token_out, amount_out, fee_pips, 0)
        answer = self._chain.read(UNISWAP_V3_QUOTER_V2, signature, query, returns=("uint256",) * 4)
        return int(answer[0])

    def on_path(self, token_in: str, token_out: str, amount_out: int, path: bytes) -> int:
        """``path`` runs from ``token_out`` to ``token_in``, both left out, which is Uniswap's order too."""
        whole = bytes.fromhex(token_out[2:]) + path + bytes.fromhex(token_in[2:])
        types = ("uint256", "uint160[]", "uint32[]", "uint256")
        query = (whole, amount_out)
        answer = self._chain.read(
            UNISWAP_V3_QUOTER_V2, "quoteExactOutput(bytes,uint256)", *query, returns=types
        )
        return int(answer[0])

    def on_v2(self, token_in: str, token_out: str, amount_out: int) -> int:
        """As Uniswap's own library has it."""
        reserve_in, reserve_out = self.v2_reserves(token_in, token_out)
        return reserve_in * amount_out * 1_000 // ((reserve_out - amount_out) * 997) + 1

    def v2_reserves(self, token_in: str, token_out: str) -> tuple[int, int]:
        pair = self.v2_pair(token_in, token_out)
        reserve0, reserve1, _ = self._chain.read(pair, "getReserves()", returns=("uint256",) * 3)
        in_order = int(token_in, 16) < int(token_out, 16)
        return (reserve0, reserve1) if in_order else (reserve1, reserve0)

    def on_v4(self, token_in: str, token_out: str, specified: int, pool: V4Pool) -> int:
        """What is owed for an exact output, or what a negative ``specified``, an exact input, brings."""
        currency_in, currency_out = pool.currency(token_in), pool.currency(token_out)
        zero_for_one = int(currency_in, 16) < int(currency_out, 16)
        swap = (zero_for_one, specified, _LOWEST_PRICE if zero_for_one else _HIGHEST_PRICE)
        request = {
            "from": _TRADER,
            "to": UNISWAP_V4_SWAP_ROUTER,
            "value": hex(10**23 if currency_in == NATIVE else 0),
            "data": "0x" + encode_call(_SWAP, pool.key, swap, (False, False), b"").hex(),
        }
        delta = int(self._chain.rpc.call("eth_call", request, "latest"), 16)
        halves = [half - (half >> 127 << 128) for half in (delta >> 128, delta & 2**128 - 1)]
        owed, credited = halves if zero_for_one else halves[::-1]
        return -owed if specified > 0 else credited

    def bought_on_v3(self, token_in: str, token_out: str, amount_in: int, fee_pips: int) -> int:
        signature = "quoteExactInputSingle((address,address,uint256,uint24,uint160))"
        query = (token_in, token_out, amount_in, fee_pips, 0)
        answer = self._chain.read(UNISWAP_V3_QUOTER_V2, signature, query, returns=("uint256",) * 4)
        return int(answer[0])

    def bought_on_path(self, token_in: str, token_out: str, amount_in: int, path: bytes) -> int:
        """``path`` is ours, from ``token_out`` to ``token_in``; for an exact input the quoter wants it reversed."""
        fees = [path[at : at + 3] for at in range(0, len(path), 23)]
        between = [path[at : at + 20] for at in range(3, len(path), 23)]
        whole = bytes.fromhex(token_in[2:]) + fees[-1]
        for token, fee in zip(between[::-1], fees[-2::-1], strict=True):
            whole += token + fee
        types = ("uint256", "uint160[]", "uint32[]", "uint256")
        query = (whole + bytes.fromhex(token_out[2:]), amount_in)
        answer = self._chain.read(
            UNISWAP_V3_QUOTER_V2, "quoteExactInput(bytes,uint256)", *query, returns=types
        )
        return int(answer[0])

    def bought_on_v2(self, token_in: str, token_out: str, amount_in: int) -> int:
        """As Uniswap's own library has it."""
        reserve_in, reserve_out = self.v2_reserves(token_in, token_out)
        return amount_in * 997 * reserve_out // (reserve_in * 1_000 + amount_in * 997)

    def lending_fee(self, source: FundingSource, amount: int) -> int:
        """What the genuine lender keeps for lending what a fill of that making amount needs."""
        if source is FundingSource.AAVE_V3_LOAN:
            premium_bps = int(self._chain.read(AAVE_V3_POOL, "FLASHLOAN_PREMIUM_TOTAL()"))
            return ((amount + 1) * premium_bps + _AAVE_PREMIUM_SCALE // 2) // _AAVE_PREMIUM_SCALE
        if source is FundingSource.UNISWAP_V3_FLASH:
            return -(-amount * LENDING_FEE_PIPS // 10**6)
        return 0

    def v3_pool(self, token_a: str, token_b: str, fee_pips: int) -> str:
        query = ("getPool(address,address,uint24)", token_a, token_b, fee_pips)
        return str(self._chain.read(UNISWAP_V3_FACTORY, *query, returns=("address",)))

    def v2_pair(self, token_a: str, token_b: str) -> str:
        query = ("getPair(address,address)", token_a, token_b)
        return str(self._chain.read(UNISWAP_V2_FACTORY, *query, returns=("address",)))

    def a_token(self, token: str) -> str:
        """The contract that holds what Aave lends."""
        types = ("uint256", *("uint128",) * 5, "uint40", "uint16", *("address",) * 4, *("uint128",) * 3)
        return str(self._chain.read(AAVE_V3_POOL, "getReserveData(address)", token, returns=types)[8])

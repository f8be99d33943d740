"""A short of 10 WETH on Aave V3, opened and closed in one transaction and in separate ones: the gas of both.

Both start with margin in the account and end with nothing but stable tokens. Gas is that of receipts, execution and
calldata together. Each flow runs twice and both runs are returned: the first writes storage that was never written
before (Aave's records of a new user), the later one is what a desk pays every day.

**Separate** is an account without code that calls the protocols directly, which is cheaper than any contract
account: four transactions to open (supply margin, borrow WETH, sell it on SwapRouter, supply the proceeds), four to
close (withdraw USDC, buy the debt on SwapRouter, repay, withdraw the rest). Its four approvals are unlimited, given
beforehand and not counted. Without flash funds the margin must carry the whole loan before the proceeds are there,
and the collateral left must carry it while the purchase is under way: 38,000 USDC instead of 15,000. With 15,000 it
would take several rounds.

**Through the desk's contracts** is what the desk would send without DeltaHedger, position and inventory where they
are today: LendingAccount's own functions with their health floor, and `moveToLending`. For the swap in between, the
gas of the bare SwapRouter stands in, which is less than `swapInventory` takes. Ten transactions, for the proceeds
and the purchase pass through the settlement contract.

**One transaction** is `DeltaHedger.openShort` and `closeShort` with the health floor, the debt cap, the largest
cost against Chainlink, the notional cap, the list of tokens that may be borrowed, and a lowest health factor in
the plan.

Each can be sent with an EIP-2930 access list, as the desk's own sender does where it lowers the gas
(``pmm.chain.access_list``); a wallet gives none by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.chain.abi import encode_call
from pmm.chain.access_list import AccessList, estimate_with_access_list, to_rpc
from pmm.chain.rpc import JsonRpc
from pmm.localnet.addresses import AAVE_POOL, UNISWAP_V3_SWAP_ROUTER, USDC, WETH, keyless_account
from pmm.localnet.funding import balance_of, deal
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.aave import VARIABLE_RATE
from pmm.localnet.protocols.aave_reserves import RESERVES

SHORT_WEI = 10 * 10**18
MARGIN_USDC = 15_000 * 10**6
SEPARATE_MARGIN_USDC = 38_000 * 10**6
SEPARATE_WITHDRAWN_USDC = 28_000 * 10**6  # more than 10 WETH cost, less than the loan's collateral allows
FEE_PIPS = 500
MIN_HEALTH_WAD = 11 * 10**17
FLASH_SWAP, MORPHO_LOAN = 1, 2
AAVE_V3, COMPOUND_V2 = 1, 2

_ALL = 2**256 - 1
_DEBT_TOKEN = RESERVES[0].variable_debt_token
_BLOCKS_HELD = 5
_BLOCK_S = 12
_SWAP = "(address,address,uint24,address,uint256,uint256,uint256,uint160)"
_TRADER = keyless_account("separate short")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortGas:
    """Gas of one run; several figures are transactions in their order."""

    opening: tuple[int, ...]
    closing: tuple[int, ...]

    @property
    def opened(self) -> int:
        """Gas of opening."""
        return sum(self.opening)

    @property
    def closed(self) -> int:
        """Gas of closing."""
        return sum(self.closing)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaDesk:
    """Deployed and configured contracts: hedger set, WETH's borrow cap, limits, feeds, operator."""

    delta_hedger: str
    lending_account: str
    settlement: str
    operator: str


def plan_word(
    *, source: int = FLASH_SWAP, fee_pips: int = FEE_PIPS, market: int = AAVE_V3, min_health_wad: int = 0
) -> int:
    """Return the plan word of DeltaHedger."""
    return source << 248 | fee_pips << 224 | market << 216 | min_health_wad


def separate_flow(rpc: JsonRpc, *, listed: bool = False, runs: int = 2) -> list[ShortGas]:
    """Open and close the short by eight transactions of an account without code, ``runs`` times.

    Args:
        listed: give each the access list that makes it cheapest.
    """
    with ChainBuilder(rpc) as chain:
        for token in (USDC, WETH):
            for spender in (AAVE_POOL, UNISWAP_V3_SWAP_ROUTER):
                chain.transact(token, "approve(address,uint256)", spender, _ALL, sender=_TRADER)
        return [_run_separately(chain, listed=listed) for _ in range(runs)]


def one_transaction_flow(
    rpc: JsonRpc,
    desk: DeltaDesk,
    *,
    source: int = FLASH_SWAP,
    market: int = AAVE_V3,
    listed: bool = False,
    runs: int = 2,
) -> list[ShortGas]:
    """Open and close the short by one transaction each, ``runs`` times.

    Args:
        listed: give each the access list that makes it cheapest, as the desk's sender does.
    """
    plan = plan_word(source=source, market=market, min_health_wad=MIN_HEALTH_WAD)
    with ChainBuilder(rpc) as chain:
        return [_run_in_one(chain, desk, plan, listed=listed) for _ in range(runs)]


def desk_flow(rpc: JsonRpc, desk: DeltaDesk, *, swaps: ShortGas, runs: int = 2) -> list[ShortGas]:
    """Open and close by LendingAccount's own functions, ``runs`` times.

    Args:
        swaps: a run of :func:`separate_flow`, for the gas of its two swaps.
    """
    with ChainBuilder(rpc) as chain:
        return [_run_at_the_desk(chain, desk, swaps) for _ in range(runs)]


def _run_at_the_desk(chain: ChainBuilder, desk: DeltaDesk, swaps: ShortGas) -> ShortGas:
    def gas(to: str, signature: str, *arguments: object) -> int:
        return int(chain.transact(to, signature, *arguments, sender=desk.operator)["gasUsed"], 16)

    account, settlement = desk.lending_account, desk.settlement
    supply, repay = "supply(uint256,address,uint256)", "repay(uint256,address,uint256)"
    withdraw, borrow = "withdraw(uint256,address,uint256)", "borrow(uint256,address,uint256)"
    move = "moveToLending(address,uint256)"
    stock = SHORT_WEI // 100  # a settlement contract is never empty
    deal(chain.rpc, USDC, account, SEPARATE_MARGIN_USDC)
    deal(chain.rpc, USDC, settlement, SEPARATE_WITHDRAWN_USDC)
    deal(chain.rpc, WETH, settlement, stock)
    opening = (
        gas(account, supply, AAVE_V3, USDC, _ALL),
        gas(account, borrow, AAVE_V3, WETH, SHORT_WEI),
        swaps.opening[2],
        gas(settlement, move, USDC, SEPARATE_WITHDRAWN_USDC - 1),
        gas(account, supply, AAVE_V3, USDC, _ALL),
    )
    _hold(chain)
    closing = [gas(account, withdraw, AAVE_V3, USDC, SEPARATE_WITHDRAWN_USDC), swaps.closing[1]]
    owed = balance_of(chain.rpc, _DEBT_TOKEN, account) * 1_000_001 // 1_000_000
    deal(chain.rpc, WETH, settlement, owed + stock)
    closing += [
        gas(settlement, move, WETH, owed),
        gas(account, repay, AAVE_V3, WETH, _ALL),
        gas(account, withdraw, AAVE_V3, USDC, _ALL),
    ]
    return ShortGas(opening=opening, closing=tuple(closing))


def _gas(chain: ChainBuilder, to: str, signature: str, *arguments: object, sender: str, listed: bool) -> int:
    data = encode_call(signature, *arguments)
    entries: AccessList = ()
    if listed:
        chain.fund(sender)
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex()}
        entries = estimate_with_access_list(chain.rpc, transaction).access_list
    receipt = chain.send(to, data, sender=sender, access_list=to_rpc(entries))
    return int(receipt["gasUsed"], 16)


def _run_separately(chain: ChainBuilder, *, listed: bool) -> ShortGas:
    def gas(to: str, signature: str, *arguments: object) -> int:
        return _gas(chain, to, signature, *arguments, sender=_TRADER, listed=listed)

    supply, withdraw = "supply(address,uint256,address,uint16)", "withdraw(address,uint256,address)"
    never = 2**40
    deal(chain.rpc, USDC, _TRADER, SEPARATE_MARGIN_USDC)
    deal(chain.rpc, WETH, _TRADER, 0)
    opening = [
        gas(AAVE_POOL, supply, USDC, SEPARATE_MARGIN_USDC, _TRADER, 0),
        gas(
            AAVE_POOL,
            "borrow(address,uint256,uint256,uint16,address)",
            *(WETH, SHORT_WEI, VARIABLE_RATE, 0, _TRADER),
        ),
        gas(
            UNISWAP_V3_SWAP_ROUTER,
            f"exactInputSingle({_SWAP})",
            (WETH, USDC, FEE_PIPS, _TRADER, never, SHORT_WEI, 0, 0),
        ),
    ]
    opening.append(gas(AAVE_POOL, supply, USDC, balance_of(chain.rpc, USDC, _TRADER), _TRADER, 0))
    _hold(chain)
    bought = balance_of(chain.rpc, _DEBT_TOKEN, _TRADER) * 1_000_001 // 1_000_000  # interest until repaid
    closing = (
        gas(AAVE_POOL, withdraw, USDC, SEPARATE_WITHDRAWN_USDC, _TRADER),
        gas(
            UNISWAP_V3_SWAP_ROUTER,
            f"exactOutputSingle({_SWAP})",
            (USDC, WETH, FEE_PIPS, _TRADER, never, bought, SEPARATE_WITHDRAWN_USDC, 0),
        ),
        gas(AAVE_POOL, "repay(address,uint256,uint256,address)", WETH, _ALL, VARIABLE_RATE, _TRADER),
        gas(AAVE_POOL, withdraw, USDC, _ALL, _TRADER),
    )
    return ShortGas(opening=tuple(opening), closing=closing)


def _run_in_one(chain: ChainBuilder, desk: DeltaDesk, plan: int, *, listed: bool) -> ShortGas:
    def gas(signature: str, *arguments: object) -> int:
        return _gas(chain, desk.delta_hedger, signature, *arguments, sender=desk.operator, listed=listed)

    deal(chain.rpc, USDC, desk.lending_account, MARGIN_USDC)
    opened = gas(
        "openShort(address,address,uint256,uint256,uint256,uint256)",
        *(WETH, USDC, SHORT_WEI, 1, MARGIN_USDC, plan),
    )
    _hold(chain)
    closed = gas(
        "closeShort(address,address,uint256,uint256,uint256)",
        *(WETH, USDC, _ALL, SEPARATE_WITHDRAWN_USDC, plan),
    )
    return ShortGas(opening=(opened,), closing=(closed,))


def _hold(chain: ChainBuilder) -> None:
    chain.rpc.call("anvil_mine", hex(_BLOCKS_HELD), hex(_BLOCK_S))

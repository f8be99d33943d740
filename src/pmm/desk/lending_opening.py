"""The lending keeper from settings and deployment record."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import structlog

from pmm.chain.lending_commands import LendingCommandSender
from pmm.chain.lending_reader import lending_lacks
from pmm.chain.lending_state import LendingStateReader
from pmm.chain.sender import TransactionSender
from pmm.desk.lending_desk import CommandsBesideHedges, LendingDesk, SpareStock
from pmm.desk.scene import Scene
from pmm.desk.stock import Stock
from pmm.domain import MAINNET_TOKENS, Address, parse_address
from pmm.domain.chain_events import LendingMarket
from pmm.domain.words import excerpt
from pmm.errors import InvalidInput
from pmm.execution.hedging import HedgedAsset
from pmm.execution.lending import KeeperPolicy
from pmm.monitoring.desk.lending_events import LendingEvents
from pmm.settings_sections import DeskSettings
from pmm.venues.aave import AaveShortRoute, CollateralBorrowRoute, LendingContracts

_LOG = structlog.get_logger()


def join_lending(
    scene: Scene,
    sender: TransactionSender,
    stock: Stock,
    events: LendingEvents,
    assets: tuple[HedgedAsset, ...],
) -> LendingDesk | None:
    """Return the keeper where it is on and there is an account to keep; its code must be the recorded one."""
    desk, plan, contracts = scene.settings.desk, scene.lending, scene.deployment.contracts
    if plan is None or "LendingAccount" not in contracts:
        if desk.keeper:
            _LOG.warning("nothing_to_keep", why=_why_none(scene))
        return None
    if not desk.keeper:
        _LOG.warning("lending_not_kept", why="PMM_DESK_KEEPER is off: nothing guards the liquidation buffer")
        return None
    scene.check_recorded("LendingAccount", plan.account)
    hedger = contracts.get("DeltaHedger")
    if hedger is not None:
        scene.check_recorded("DeltaHedger", parse_address(hedger.address))
    spare = SpareStock(stock, assets, inventory_left(desk))
    return LendingDesk(
        source=LendingStateReader(
            scene.node,
            plan,
            scene.tokens,
            settlement=scene.settlement,
            spare=spare.of,
            max_cost_bps=desk.keeper_max_cost_bps,
        ),
        commands=CommandsBesideHedges(
            LendingCommandSender(
                sender,
                settlement=scene.settlement,
                delta_hedger=parse_address(hedger.address) if hedger else None,
            ),
            (plan.account, LendingMarket.AAVE_V3),
        ),
        spare=spare,
        events=events,
        policy=keeper_policy(desk),
    )


def lending_routes(scene: Scene) -> tuple[AaveShortRoute | CollateralBorrowRoute, ...]:
    """Return the hedger's routes on Aave that are on.

    Raises InvalidInput where the record lacks LendingAccount or DeltaHedger, or the contract no lending account,
    UnsafeToSign for another code than recorded.
    """
    desk, plan = scene.settings.desk, scene.lending
    if not (desk.shorts or desk.borrows):
        return ()
    if plan is None:
        name = "PMM_DESK_SHORTS" if desk.shorts else "PMM_DESK_BORROWS"
        raise InvalidInput(
            f"{name}: expected a lending account, found that {_why_none(scene)}, or turn it off"
        )
    delta_hedger = parse_address(scene.deployment.address("DeltaHedger"))
    scene.check_recorded("LendingAccount", plan.account)
    scene.check_recorded("DeltaHedger", delta_hedger)
    contracts = LendingContracts(
        settlement=scene.settlement,
        lending_account=plan.account,
        delta_hedger=delta_hedger,
        # A loan is taken at the buffer that the keeper holds: it has nothing to do about it.
        target_health_wad=keeper_policy(desk).target_wad,
    )
    shorts = (AaveShortRoute(contracts),) if desk.shorts else ()
    borrows = (CollateralBorrowRoute(contracts),) if desk.borrows else ()
    return (*shorts, *borrows)


def _why_none(scene: Scene) -> str:
    """Return what is missing for a lending account, and what to do."""
    if scene.lending is None:
        lacking = " and no ".join(lending_lacks(scene.node, scene.settlement)) or "lending account"
        return f"the settlement contract {scene.settlement} has no {lacking}; run `ape run deploy lending`"
    return (
        f"the deployment record names no LendingAccount, the settlement contract has {scene.lending.account}; "
        "use the record of that deployment"
    )


def keeper_policy(desk: DeskSettings) -> KeeperPolicy:
    """Return the lines that are set; raises InvalidInput where they are not in order."""
    return KeeperPolicy(
        working_buffer_bps=desk.keeper_working_buffer_bps,
        rebalance_below_bps=desk.keeper_rebalance_below_bps,
        deleverage_below_bps=desk.keeper_deleverage_below_bps,
        surplus_above_bps=desk.keeper_surplus_above_bps,
    )


def inventory_left(desk: DeskSettings) -> dict[Address, int]:
    """Return what the keeper does not touch, base units per token; raises InvalidInput for what is no amount."""
    found: dict[Address, int] = {}
    for one in desk.keeper_leaves:
        symbol, colon, whole = one.partition(":")
        token = MAINNET_TOKENS.get(symbol, "PMM_DESK_KEEPER_LEAVES")
        try:
            amount = Decimal(whole).scaleb(token.decimals)
        except InvalidOperation:
            amount = Decimal(-1)
        if not colon or not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
            raise InvalidInput(
                f"PMM_DESK_KEEPER_LEAVES: expected TOKEN:AMOUNT of at most {token.decimals} decimal places, found "
                f"{excerpt(one)}"
            )
        found[token.address] = int(amount)
    return found

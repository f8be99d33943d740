"""The reserves of the Aave V3 market: risk parameters, interest rates, genuine token addresses."""

# ruff: noqa: S106 - the "passwords" are token addresses
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pmm.chain.abi import encode_arguments
from pmm.errors import ChainError
from pmm.localnet.addresses import (
    AAVE_ADDRESSES_PROVIDER,
    AAVE_POOL,
    BTC_USD_FEED,
    BUILDER,
    ETH_USD_FEED,
    USDC,
    USDC_USD_FEED,
    WBTC,
    WETH,
)
from pmm.localnet.placement import ChainBuilder

COLLECTOR = (
    "0x464C71f6c2F760DdA6093dCB91C24c39e5d6e18c"  # Aave's treasury on mainnet: receives the reserve factor
)

_RAY_PER_BPS = 10**23
_NO_INCENTIVES = "0x0000000000000000000000000000000000000000"
_UNCAPPED = 0
_INIT_RESERVES = (
    "initReserves((address,address,address,uint8,address,address,address,address,"
    "string,string,string,string,string,string,bytes)[])"
)
_CONFIGURE_RESERVES = (
    "configureReserves(address,(address,uint256,uint256,uint256,uint256,uint256,uint256,bool,bool,bool)[])"
)
_RESERVE_DATA = ("uint256",) + ("uint128",) * 5 + ("uint40", "uint16") + ("address",) * 4 + ("uint128",) * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRate:
    """Aave's two-slope variable borrow rate, per year."""

    optimal_usage_bps: int
    base_bps: int
    slope1_bps: int
    slope2_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """One asset of the market.

    Attributes:
        first_nonce: the configurator's nonce that created the aToken on mainnet; the debt tokens follow.
        liquidation_bonus_bps: what a liquidator gets per 10,000 repaid, so above 10,000.
        supplied: seeded liquidity in base units.
    """

    symbol: str
    asset: str
    decimals: int
    feed: str
    a_token: str
    variable_debt_token: str
    first_nonce: int
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    reserve_factor_bps: int
    rate: VariableRate
    supplied: int


# In mainnet's order of listing.
RESERVES = (
    Reserve(
        symbol="WETH",
        asset=WETH,
        decimals=18,
        feed=ETH_USD_FEED,
        a_token="0x4d5F47FA6A74757f35C14fD3a6Ef8E3C9BC514E8",
        variable_debt_token="0xeA51d7853EEFb32b6ee06b1C12E6dcCA88Be0fFE",
        first_nonce=1,
        ltv_bps=8050,
        liquidation_threshold_bps=8300,
        liquidation_bonus_bps=10500,
        reserve_factor_bps=1500,
        rate=VariableRate(optimal_usage_bps=8000, base_bps=100, slope1_bps=380, slope2_bps=8000),
        supplied=400_000 * 10**18,
    ),
    Reserve(
        symbol="WBTC",
        asset=WBTC,
        decimals=8,
        feed=BTC_USD_FEED,
        a_token="0x5Ee5bf7ae06D1Be5997A1A72006FE6C607eC6DE8",
        variable_debt_token="0x40aAbEf1aa8f0eEc637E0E7d92fbfFB2F26A8b7B",
        first_nonce=7,
        ltv_bps=7300,
        liquidation_threshold_bps=7800,
        liquidation_bonus_bps=10500,
        reserve_factor_bps=2000,
        rate=VariableRate(optimal_usage_bps=4500, base_bps=0, slope1_bps=400, slope2_bps=30000),
        supplied=20_000 * 10**8,
    ),
    Reserve(
        symbol="USDC",
        asset=USDC,
        decimals=6,
        feed=USDC_USD_FEED,
        a_token="0x98C23E9d8f34FEFb1B7BD6a91B7FF122F4e16F5c",
        variable_debt_token="0x72E95b8931767C79bA4EeE721354d6E99a61D004",
        first_nonce=10,
        ltv_bps=7700,
        liquidation_threshold_bps=8000,
        liquidation_bonus_bps=10450,
        reserve_factor_bps=1000,
        rate=VariableRate(optimal_usage_bps=9000, base_bps=0, slope1_bps=400, slope2_bps=6000),
        supplied=1_000_000_000 * 10**6,
    ),
)


class ReadCode(Protocol):
    """Return creation code of a contract of the package by its path without suffix."""

    def __call__(self, path: str, arguments: bytes = b"") -> bytes: ...


def list_reserves(chain: ChainBuilder, code: ReadCode, *, configurator: str, acl_manager: str) -> None:
    """Initialize and configure all reserves.

    Raises:
        ChainError: an aToken or debt token is not at mainnet's address.
    """
    pool = encode_arguments(["address"], AAVE_POOL)
    kinds = ("AToken", "StableDebtToken", "VariableDebtToken")
    tokens = [chain.create(code(f"protocol/tokenization/{kind}", pool), sender=BUILDER) for kind in kinds]
    for reserve in RESERVES:
        strategy = chain.create(
            code("protocol/pool/DefaultReserveInterestRateStrategy", _rate_arguments(reserve.rate)),
            sender=BUILDER,
        )
        chain.rpc.call("anvil_setNonce", configurator, hex(reserve.first_nonce))
        row = _initialization(reserve, tokens, strategy)
        chain.transact(configurator, _INIT_RESERVES, [row], sender=BUILDER)
        _check_addresses(chain, reserve)
    _configure(chain, code, configurator=configurator, acl_manager=acl_manager)


def _rate_arguments(rate: VariableRate) -> bytes:
    rays = [
        bps * _RAY_PER_BPS
        for bps in (rate.optimal_usage_bps, rate.base_bps, rate.slope1_bps, rate.slope2_bps)
    ]
    stable = [0] * 5  # stable-rate borrowing is off
    return encode_arguments(["address"] + ["uint256"] * 9, AAVE_ADDRESSES_PROVIDER, *rays, *stable)


def _initialization(reserve: Reserve, tokens: list[str], strategy: str) -> tuple[object, ...]:
    symbol = reserve.symbol
    a_token, stable_debt, variable_debt = tokens
    return (
        *(a_token, stable_debt, variable_debt, reserve.decimals, strategy, reserve.asset),
        *(COLLECTOR, _NO_INCENTIVES),
        *(f"Aave Ethereum {symbol}", f"aEth{symbol}"),
        *(f"Aave Ethereum Variable Debt {symbol}", f"variableDebtEth{symbol}"),
        *(f"Aave Ethereum Stable Debt {symbol}", f"stableDebtEth{symbol}"),
        b"",
    )


def _check_addresses(chain: ChainBuilder, reserve: Reserve) -> None:
    data = chain.read(AAVE_POOL, "getReserveData(address)", reserve.asset, returns=_RESERVE_DATA)
    found, expected = (data[8], data[10]), (reserve.a_token.lower(), reserve.variable_debt_token.lower())
    if found != expected:
        raise ChainError(f"expected Aave's {reserve.symbol} tokens at {expected}, found them at {found}")


def _configure(chain: ChainBuilder, code: ReadCode, *, configurator: str, acl_manager: str) -> None:
    """Set all risk parameters in one transaction, by Aave's own set-up helper in a passing role."""
    helper = chain.create(code("deployments/ReservesSetupHelper"), sender=BUILDER)
    chain.transact(acl_manager, "addRiskAdmin(address)", helper, sender=BUILDER)
    rows = [
        (
            *(r.asset, r.ltv_bps, r.liquidation_threshold_bps, r.liquidation_bonus_bps, r.reserve_factor_bps),
            *(_UNCAPPED, _UNCAPPED),  # borrow cap, supply cap
            *(False, True, True),  # stable borrowing, borrowing, flash loans
        )
        for r in RESERVES
    ]
    chain.transact(helper, _CONFIGURE_RESERVES, configurator, rows, sender=BUILDER)
    chain.transact(acl_manager, "removeRiskAdmin(address)", helper, sender=BUILDER)

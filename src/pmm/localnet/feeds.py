"""Chainlink feeds on an anvil node: read them, and set them through the real aggregator.

On the offline mainnet the aggregator is a FluxAggregator whose one oracle is ours. On a fork of the real chain an
aggregator of ours is proposed and confirmed by the impersonated owner of the feed's proxy.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pmm.chain.abi import encode_arguments
from pmm.errors import InvalidInput
from pmm.localnet.addresses import BUILDER, FEED_ORACLE, FEEDS, MARKER, keyless_account
from pmm.localnet.own_contracts import compile_own
from pmm.localnet.placement import ChainBuilder

DECIMALS = 8
START_PRICES_USD = {
    "ETH": Decimal("2722.73"),
    "BTC": Decimal("84150.00"),
    "USDC": Decimal("0.9999"),
    "USDT": Decimal("0.9997"),
    "DAI": Decimal("0.9998"),
}
_HIGHEST_PRICE_USD = Decimal(10) ** 9


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReading:
    """A feed's latest answer; ``updated_at_s`` is chain time, seconds since 1970."""

    asset: str
    price_usd: Decimal
    updated_at_s: int


def feed_address(asset: str) -> str:
    """Return the proxy of ``asset``/USD.

    Raises:
        InvalidInput: there is no such feed.
    """
    if asset not in FEEDS:
        raise InvalidInput(f"expected an asset with a feed ({', '.join(FEEDS)}), found {asset!r}")
    return FEEDS[asset]


def to_answer(price_usd: Decimal) -> int:
    """Return the feed's integer answer (8 decimals).

    Raises:
        InvalidInput: the price is not positive, not finite, absurdly high, or finer than 8 decimals.
    """
    if not price_usd.is_finite() or not 0 < price_usd < _HIGHEST_PRICE_USD:
        raise InvalidInput(
            f"expected a price above 0 and below {_HIGHEST_PRICE_USD:f} USD, found {price_usd}"
        )
    scaled = price_usd.scaleb(DECIMALS)
    if scaled != scaled.to_integral_value():
        raise InvalidInput(f"expected a price with at most {DECIMALS} decimals, found {price_usd}")
    return int(scaled)


def read_answer(chain: ChainBuilder, asset: str) -> int:
    """Return the latest answer of the feed (8 decimals)."""
    data = chain.read(feed_address(asset), "latestAnswer()", returns=("int256",))
    return int(data)


def read_feed(chain: ChainBuilder, asset: str) -> FeedReading:
    """Return the latest round of the feed."""
    _, answer, _, updated_at_s, _ = chain.read(
        feed_address(asset), "latestRoundData()", returns=("uint80", "int256", "uint256", "uint256", "uint80")
    )
    return FeedReading(
        asset=asset, price_usd=Decimal(answer).scaleb(-DECIMALS).normalize(), updated_at_s=updated_at_s
    )


def read_answers(chain: ChainBuilder) -> dict[str, int]:
    """Return the latest answer of every feed (8 decimals)."""
    return {asset: read_answer(chain, asset) for asset in FEEDS}


def is_offline_mainnet(chain: ChainBuilder) -> bool:
    """Tell whether the node is an offline mainnet or a fork of one."""
    return int(chain.rpc.call("eth_getStorageAt", MARKER, "0x0", "latest"), 16) != 0


def submit_answer(chain: ChainBuilder, aggregator: str, answer: int) -> None:
    """Report ``answer`` to a FluxAggregator as its oracle: one submission is one round."""
    round_id = chain.read(
        aggregator,
        "oracleRoundState(address,uint32)",
        *(FEED_ORACLE, 0),
        returns=("bool", "uint32", "int256", "uint64", "uint64", "uint128", "uint8", "uint128"),
    )[1]
    chain.transact(aggregator, "submit(uint256,int256)", round_id, answer, sender=FEED_ORACLE)


def set_answer(chain: ChainBuilder, asset: str, answer: int) -> None:
    """Make the feed of ``asset`` answer ``answer`` now."""
    proxy = feed_address(asset)
    aggregator = chain.read(proxy, "aggregator()", returns=("address",))
    if is_offline_mainnet(chain):
        submit_answer(chain, aggregator, answer)
        return
    ours = keyless_account(f"{asset}/USD settable aggregator")
    if not chain.code(ours):
        _place_settable(chain, ours, asset)
    chain.transact(ours, "setAnswer(int256)", answer, sender=FEED_ORACLE)
    if aggregator.lower() != ours.lower():
        owner = chain.read(proxy, "owner()", returns=("address",))
        chain.transact(proxy, "proposeAggregator(address)", ours, sender=owner)
        chain.transact(proxy, "confirmAggregator(address)", ours, sender=owner)


def _place_settable(chain: ChainBuilder, address: str, asset: str) -> None:
    contract = compile_own("SettableAggregator")
    arguments = encode_arguments(("address", "uint8", "string"), FEED_ORACLE, DECIMALS, f"{asset} / USD")
    chain.place_in_place(address, contract.creation(arguments=arguments), sender=BUILDER)

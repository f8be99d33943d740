"""Chainlink price feeds: the real proxies in front of real FluxAggregators with one oracle of ours."""

from __future__ import annotations

from pmm.chain.abi import encode_arguments
from pmm.localnet.addresses import BUILDER, FEED_ORACLE, FEEDS, LINK
from pmm.localnet.artifacts import creation_code, with_metadata_hash
from pmm.localnet.feeds import DECIMALS, START_PRICES_USD, submit_answer, to_answer
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement
from pmm.localnet.tarballs import Packages

_PACKAGE = "@chainlink/contracts"
_ZERO = "0x" + "00" * 20
# The metadata hash on mainnet; with it the code there and here is the same, byte for byte.
_PROXY_METADATA_HASH = "28582c2a257ada18019b18ad7f86982bbacce394b00b5665d3d393b7cccb97ae"
_TIMEOUT_S = 1800
_AGGREGATOR_TYPES = (
    *("address", "uint128", "uint32", "address"),
    *("int256", "int256", "uint8", "string"),
)


def build(chain: ChainBuilder, packages: Packages, book: AddressBook) -> list[Placement]:
    """Place one aggregator and one proxy per asset and submit the start prices."""
    placed = []
    for asset, proxy in FEEDS.items():
        aggregator = _aggregator(chain, packages, asset)
        book[f"{asset}/USD aggregator"] = aggregator
        code = creation_code(
            packages.path(_PACKAGE, "truffle/v0.6/EACAggregatorProxy.js"),
            arguments=encode_arguments(("address", "address"), aggregator, _ZERO),
        )
        chain.place_in_place(proxy, with_metadata_hash(code, _PROXY_METADATA_HASH), sender=BUILDER)
        submit_answer(chain, aggregator, to_answer(START_PRICES_USD[asset]))
        placed += [
            _placement(packages, f"{asset}/USD proxy", proxy, Method.IN_PLACE),
            _placement(packages, f"{asset}/USD FluxAggregator", aggregator, Method.NATURAL),
        ]
    return placed


def _aggregator(chain: ChainBuilder, packages: Packages, asset: str) -> str:
    arguments = encode_arguments(
        _AGGREGATOR_TYPES, LINK, 0, _TIMEOUT_S, _ZERO, 1, 2**100, DECIMALS, f"{asset} / USD"
    )
    code = creation_code(packages.path(_PACKAGE, "truffle/v0.6/FluxAggregator.js"), arguments=arguments)
    aggregator = chain.create(code, sender=BUILDER)
    chain.transact(
        aggregator,
        "changeOracles(address[],address[],address[],uint32,uint32,uint32)",
        *([], [FEED_ORACLE], [BUILDER], 1, 1, 0),
        sender=BUILDER,
    )
    return aggregator


def _placement(packages: Packages, name: str, address: str, method: Method) -> Placement:
    return Placement(
        protocol="Chainlink",
        name=name,
        address=address,
        package=_PACKAGE,
        version=packages.version(_PACKAGE),
        evidence=Evidence.PUBLISHED,
        method=method,
    )

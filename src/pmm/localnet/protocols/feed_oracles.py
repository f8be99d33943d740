"""Our own price oracles for lending protocols, reading the Chainlink proxies: one price moves everything.

The protocols' own oracles (Compound's Open Price Feed, Morpho's Chainlink adapter) are on no package registry.
"""

from __future__ import annotations

from pathlib import Path

from pmm import __version__
from pmm.localnet.artifacts import Compiled, compile_contracts
from pmm.localnet.registry import Evidence, Method, Placement

_SOURCE = Path(__file__).parents[1] / "solidity" / "FeedOracles.sol"
_UNIT = "pmm/FeedOracles.sol"
_SOLC = "0.8.19"
_SETTINGS = {"optimizer": {"enabled": True, "runs": 999_999}, "evmVersion": "paris"}


def compile_feed_oracle(name: str) -> Compiled:
    """Compile ``CompoundFeedOracle`` or ``MorphoFeedOracle``."""
    contracts = [f"{_UNIT}:CompoundFeedOracle", f"{_UNIT}:MorphoFeedOracle"]
    compiled = compile_contracts(
        solc=_SOLC,
        entries={_UNIT: _SOURCE.read_text()},
        roots={},
        settings=_SETTINGS,
        contracts=contracts,
    )
    return compiled[f"{_UNIT}:{name}"]


def feed_oracle_placement(protocol: str, name: str, address: str) -> Placement:
    """Return the record of an oracle of ours."""
    return Placement(
        protocol=protocol,
        name=name,
        address=address,
        package="pmm",
        version=__version__,
        evidence=Evidence.STAND_IN,
        method=Method.IN_PLACE,
    )

"""Genuine Chainlink proxies and aggregators on a bare chain, and what reading them costs by itself."""

from __future__ import annotations

from dataclasses import dataclass

from gas_bench.build import bench_contract, packages
from gas_bench.stage import Stage
from pmm.chain.abi import encode_arguments
from pmm.localnet.addresses import BUILDER
from pmm.localnet.artifacts import creation_code
from pmm.localnet.feeds import submit_answer
from pmm.localnet.protocols import chainlink

_ZERO = "0x" + "00" * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPair:
    """EACAggregatorProxy in front of FluxAggregator, one for each token of the stage."""

    stage: Stage
    base: str
    quote: str

    @classmethod
    def place(cls, stage: Stage, *, base_answer: int, quote_answer: int) -> FeedPair:
        """Place both feeds as the offline mainnet does, and let them answer (8 decimals)."""
        return cls(
            stage=stage, base=_feed(stage, "BASE", base_answer), quote=_feed(stage, "QUOTE", quote_answer)
        )

    def bare_read_gas(self) -> int:
        """Return the gas of one bare ``latestRoundData()`` of each feed, everything still cold."""
        probe = self.stage.deploy("FeedProbe", bench_contract("Probes", "FeedProbe").creation())
        return sum(
            int(self.stage.chain.read(probe, "cost(address)", feed)) for feed in (self.base, self.quote)
        )


def _feed(stage: Stage, asset: str, answer: int) -> str:
    aggregator = chainlink._aggregator(stage.chain, packages(), asset)
    code = creation_code(
        packages().path("@chainlink/contracts", "truffle/v0.6/EACAggregatorProxy.js"),
        arguments=encode_arguments(("address", "address"), aggregator, _ZERO),
    )
    proxy = stage.chain.create(code, sender=BUILDER)
    submit_answer(stage.chain, aggregator, answer)
    return proxy

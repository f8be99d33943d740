"""Everything that needs no more than two tokens, on one bare chain in one run."""

from __future__ import annotations

from gas_bench.baseline import measure_baseline
from gas_bench.oneinch import OneInch
from gas_bench.our_cases import CANCELS, compare, measure_ours
from gas_bench.peers import airswap, cow, hashflow, uniswapx, zeroex
from gas_bench.report import Report
from gas_bench.settlement import Ours
from gas_bench.stage import Stage

PEERS = "one fill, side by side"
_PEERS = (airswap, zeroex, hashflow, uniswapx, cow)


def measure_bare_chain(report: Report, *, peers: bool) -> None:
    """Measure the baseline, 1inch and ourselves, and the peers where asked; then the ratios."""
    with Stage() as stage:
        report.add(PEERS, measure_baseline(stage))
        router = OneInch.place(stage)
        report.add(PEERS, router.fills("1inch LOP 4.0.3 fillOrder"))
        report.add(CANCELS, router.cancels())
        measure_ours(Ours.place(stage, router), report)
        if peers:
            report.add(PEERS, OneInch.place_433(stage).fills("1inch LOP 4.3.3 fillOrder"))
            for peer in _PEERS:
                report.add(PEERS, peer.measure(stage))
    compare(report)

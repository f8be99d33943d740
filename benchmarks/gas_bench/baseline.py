"""The bare minimum: two ``transferFrom`` of unlimited allowances, nothing checked."""

from __future__ import annotations

from collections.abc import Iterator

from gas_bench.build import bench_contract
from gas_bench.report import Row
from gas_bench.stage import Call, Stage
from pmm.chain.abi import encode_call

BASELINE = "bare baseline: two transferFrom"


def measure_baseline(stage: Stage, case: str = BASELINE) -> Iterator[Row]:
    """Measure it; the second fill costs what the first does."""
    with stage.undone():
        swapper = stage.deploy("TwoTransfers", bench_contract("Probes", "TwoTransfers").creation())
        stage.approve(swapper)
        arguments = (stage.maker.address, stage.base, stage.quote, stage.making, stage.taking)
        data = encode_call("swap(address,address,address,uint256,uint256)", *arguments)
        yield Row(case=case, measured=stage.fill(Call(to=swapper, data=data)))

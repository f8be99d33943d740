"""How large our contracts are, and how far from the limit of EIP-170."""

from __future__ import annotations

from collections.abc import Iterator

from gas_bench.build import own_contract
from gas_bench.report import Report, Row
from pmm.toolchain import project_root

LIMIT_BYTES = 24_576
EXPECTED = (
    "RfqSettlement",
    "SettlementLens",
    "RouterHooks",
    "AtomicHedger",
    "LendingAccount",
    "DeltaHedger",
)


def runtime_sizes(report: Report) -> Iterator[Row]:
    """Measure the runtime code of every contract that there is; note those still to come."""
    folder = project_root() / "contracts"
    there = [path.stem for path in sorted(folder.glob("*")) if path.suffix in (".sol", ".vy")]
    for name in (*EXPECTED, *(name for name in there if name not in EXPECTED)):
        if name not in there:
            report.skip(f"{name}, runtime code", "the contract is not there yet")
            continue
        size = len(own_contract(name).runtime.removeprefix("0x")) // 2
        note = f"{LIMIT_BYTES - size:,} bytes of head-room"
        yield Row(case=f"{name}, runtime code", measured=size, unit="bytes", target=LIMIT_BYTES, note=note)

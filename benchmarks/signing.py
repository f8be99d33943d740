"""Measure hashing, signing and recovering one order, ours and eth-account's, in one run.

Run: ``python benchmarks/signing.py`` (seconds). Prints a table and writes ``benchmarks/results/signing.json``.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.main import KeyAPI

from pmm.domain import (
    USDC,
    WETH,
    MakerTraits,
    RfqOrder,
    SigningKey,
    build_salt,
    oneinch_domain,
    order_hash,
    recover_signer,
    typed_data,
)

ROUNDS = 4_000
WARM_UP = 200
SECRET = b"\x11" * 32  # a published test key
RESULT = Path(__file__).parent / "results" / "signing.json"
TARGET_US = {"hash": 4.0, "sign": 26.0, "hash and sign": 30.0, "recover": 52.0}

Operation = Callable[[], object]
Row = dict[str, Any]


def _order() -> RfqOrder:
    traits = MakerTraits.for_quote(lane=3, nonce=257, expiration_s=1_800_000_000)
    return RfqOrder(
        salt=build_salt(epoch=1, upper=7, lower=9),
        maker=SigningKey(SECRET).address,
        maker_asset=WETH.address,
        taker_asset=USDC.address,
        making_amount=10**18,
        taking_amount=2_500_000_000,
        maker_traits=traits.encode(),
    )


def _percentiles_us(operation: Operation) -> tuple[float, float]:
    for _ in range(WARM_UP):
        operation()
    elapsed_ns = []
    for _ in range(ROUNDS):
        started_ns = time.perf_counter_ns()
        operation()
        elapsed_ns.append(time.perf_counter_ns() - started_ns)
    elapsed_ns.sort()
    return elapsed_ns[ROUNDS // 2] / 1000, elapsed_ns[ROUNDS * 99 // 100] / 1000


def _operations() -> list[tuple[str, Operation, Operation]]:
    """Return the name, our operation and eth-account's; both give the same bytes, checked before measuring."""
    order, domain, key = _order(), oneinch_domain(), SigningKey(SECRET)
    digest = order_hash(order, domain)
    signature = key.sign(digest)
    message = typed_data(order, domain)
    account, keys = Account.from_key(SECRET), KeyAPI()
    private, theirs = (
        keys.PrivateKey(SECRET),
        keys.Signature(signature.to_bytes65()[:64] + bytes((signature.y_parity,))),
    )
    assert bytes(account.sign_typed_data(full_message=message).signature) == signature.to_bytes65()
    assert bytes(private.sign_msg_hash(digest)) == bytes(theirs)
    recovered = theirs.recover_public_key_from_msg_hash(digest).to_checksum_address()
    assert str(recovered) == recover_signer(digest, signature)
    return [
        ("hash", lambda: order_hash(order, domain), lambda: encode_typed_data(full_message=message)),
        ("sign", lambda: key.sign(digest), lambda: private.sign_msg_hash(digest)),
        (
            "hash and sign",
            lambda: key.sign(order_hash(order, domain)),
            lambda: account.sign_typed_data(full_message=message),
        ),
        (
            "recover",
            lambda: recover_signer(digest, signature),
            lambda: theirs.recover_public_key_from_msg_hash(digest).to_checksum_address(),
        ),
    ]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _conditions() -> dict[str, Any]:
    packages = ("coincurve", "safe-pysha3", "eth-account", "eth-keys")
    return {
        "python": platform.python_version(),
        "cpu": _cpu(),
        "packages": {name: version(name) for name in packages},
        "rounds": ROUNDS,
        "what": "one order without extension, one thread; keys.sign of eth-account runs on coincurve, too",
    }


def _row(
    case: str, measured: float, unit: str = "us", target: float | None = None, goal: str = "none"
) -> Row:
    return {"case": case, "measured": round(measured, 2), "unit": unit, "target": target, "goal": goal}


def measure() -> list[Row]:
    """Return the rows: microseconds of p50 and p99, ours and eth-account's, and the ratio of the p50."""
    rows: list[Row] = []
    for name, ours, theirs in _operations():
        (p50, p99), (other_p50, other_p99) = _percentiles_us(ours), _percentiles_us(theirs)
        rows += [
            _row(f"{name}, p50", p50, target=TARGET_US[name], goal="about, lower is better"),
            _row(f"{name}, p99", p99),
            _row(f"{name}, eth-account, p50", other_p50),
            _row(f"{name}, eth-account, p99", other_p99),
            _row(f"{name}, eth-account over ours, p50", other_p50 / p50, "ratio", 1.0, "at least"),
        ]
    return rows


def main() -> None:
    """Measure, print, write the result."""
    rows = measure()
    print(f"{'case':<44} {'measured':>9}  {'target':<16}")
    for row in rows:
        target = "" if row["target"] is None else f"{row['goal']} {row['target']:g}"
        print(f"{row['case']:<44} {row['measured']:>9.2f} {row['unit']:<6} {target}")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(
        json.dumps({"conditions": _conditions(), "rows": rows}, indent=2) + "\n", encoding="ascii"
    )


if __name__ == "__main__":
    main()

"""Builds the offline mainnet once and keeps its state as a file.

The file's name carries a hash of everything that decides its content, so a change of the builder, the lock or
the genuine bytecode builds anew and nothing else does.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from pmm.errors import SetupError
from pmm.localnet.addresses import MARKER
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.artifacts import write_atomically
from pmm.localnet.file_lock import exclusive
from pmm.localnet.genuine import GenuineCode
from pmm.localnet.known_code import prove
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.registry import AddressBook, Evidence, Method, Placement, ProtocolModule
from pmm.localnet.tarballs import Packages, cache_folder

# In this order: a module may use what stands before it.
PROTOCOLS = (
    *("singletons", "tokens", "chainlink", "uniswap_v2", "uniswap_v3", "uniswap_v4"),
    *("oneinch", "balancer", "morpho", "aave", "compound"),
)
_FIRST_BLOCK = 23_000_000
_RPC_TIMEOUT_S = 120
_KEPT_STATES = 4
# Files that only run or observe a node do not decide what stands on it.
_RUN_TIME_ONLY = {
    *("anvil.py", "node.py", "status.py", "prices.py", "upstream.py", "file_lock.py", "__init__.py"),
}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A built state: the file anvil loads, and what it holds."""

    key: str
    genuine: bool
    path: Path
    placements: tuple[Placement, ...]
    addresses: dict[str, str]


def state_key(*, genuine: bool) -> str:
    """Return the hash that names the state (first 16 hex digits of SHA-256)."""
    digest = hashlib.sha256(f"genuine={genuine}".encode())
    folder = Path(__file__).parent
    sources = [p for p in folder.rglob("*") if p.suffix in (".py", ".sol", ".json")]
    for source in sorted(p for p in sources if p.name not in _RUN_TIME_ONLY):
        digest.update(str(source.relative_to(folder)).encode() + b"\0" + source.read_bytes())
    if genuine:
        digest.update(GenuineCode.from_environment().fingerprint())
    return digest.hexdigest()[:16]


def recorded_placements(key: str) -> tuple[Placement, ...]:
    """Return what was placed in the state ``key``.

    Raises:
        SetupError: its record is gone.
    """
    record = _paths(key)[1]
    if not record.is_file():
        raise SetupError(
            f"expected the record of state {key} at {record}, found none; run `pmm localnet reset`"
        )
    return tuple(
        Placement(**row | {"evidence": Evidence(row["evidence"]), "method": Method(row["method"])})
        for row in json.loads(record.read_text())["placements"]
    )


def cached_state(*, genuine: bool) -> State | None:
    """Return the built state, or None where it has not been built."""
    key = state_key(genuine=genuine)
    path, record = _paths(key)
    if not (path.is_file() and record.is_file()):
        return None
    content = json.loads(record.read_text())
    return State(
        key=key,
        genuine=genuine,
        path=path,
        placements=recorded_placements(key),
        addresses=content["addresses"],
    )


def ensure_state(
    *, genuine: bool = False, on_progress: Progress | None = None, rebuild: bool = False
) -> State:
    """Return the state, building it where needed; ``on_progress(step, done, total)`` follows the work.

    Raises:
        SetupError: a package cannot be fetched, or PMM_DATA_DIR lacks the genuine bytecode.
        ChainError: a contract did not go where it belongs.
    """
    with exclusive(cache_folder() / "build.lock"):
        state = None if rebuild else cached_state(genuine=genuine)
        return state or _build(genuine, on_progress or (lambda *_: None))


def _paths(key: str) -> tuple[Path, Path]:
    return cache_folder() / f"state-{key}.json", cache_folder() / f"state-{key}.record.json"


def _build(genuine: bool, on_progress: Progress) -> State:
    key = state_key(genuine=genuine)
    packages, book = Packages(), AddressBook()
    packages.fetch_all(lambda spec, done, total: on_progress(f"fetched {spec}", done, total))
    _compile_ahead(packages, on_progress)
    code = GenuineCode.from_environment() if genuine else None
    # A day in the past: thousands of blocks fit before anything has a date in the future.
    with (
        AnvilNode(block_number=_FIRST_BLOCK, timestamp_s=int(time.time()) - 86_400) as node,
        node.rpc(timeout_s=_RPC_TIMEOUT_S) as rpc,
        ChainBuilder(rpc) as chain,
    ):
        placements = _lay(chain, packages, book, code, on_progress)
        _mark(chain, key, genuine)
        chain.stop_impersonating()
        _dump(rpc.call("anvil_dumpState"), _paths(key)[0])
    record = {"placements": [asdict(p) for p in placements], "addresses": book.as_dict()}
    write_atomically(_paths(key)[1], json.dumps(record, indent=1).encode())
    _forget_old_states()
    state = cached_state(genuine=genuine)
    if state is None:
        raise SetupError(
            f"expected the state {key} after building it, found its sources changed; run it again"
        )
    return state


def _compile_ahead(packages: Packages, on_progress: Progress) -> None:
    """Compile side by side what the modules would compile one after the other."""
    modules = [m for m in _modules() if hasattr(m, "compile_ahead")]
    with ThreadPoolExecutor(len(modules)) as pool:
        futures = {pool.submit(module.compile_ahead, packages): module for module in modules}
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            on_progress(f"compiled {_title(futures[future])}", done, len(modules))


def _modules() -> list[ProtocolModule]:
    modules = [import_module(f"pmm.localnet.protocols.{name}") for name in PROTOCOLS]
    return [cast("ProtocolModule", module) for module in modules]


def _lay(
    chain: ChainBuilder,
    packages: Packages,
    book: AddressBook,
    code: GenuineCode | None,
    on_progress: Progress,
) -> list[Placement]:
    modules = _modules()
    seeds = [module.seed for module in modules if hasattr(module, "seed")]
    total = len(modules) + len(seeds)
    placements: list[Placement] = []
    for done, module in enumerate(modules, start=1):
        placed = module.build(chain, packages, book)
        if code:
            placed = code.replace(chain, placed)
        placements += [prove(chain, placement) for placement in placed]
        on_progress(f"placed {_title(module)}", done, total)
    for done, seed in enumerate(seeds, start=len(modules) + 1):
        seed(chain, book)
        on_progress(f"seeded {seed.__module__.rpartition('.')[2]}", done, total)
    return placements


def _title(module: ProtocolModule) -> str:
    return str(getattr(module, "__name__", "")).rpartition(".")[2]


def _mark(chain: ChainBuilder, key: str, genuine: bool) -> None:
    """Leave a mark that tells this chain and its forks from any other."""
    chain.rpc.call("anvil_setNonce", MARKER, "0x1")
    for slot, value in enumerate((1, int(genuine), int(key, 16))):
        chain.set_storage(MARKER, slot, value)
    chain.rpc.call("evm_mine")


def _dump(blob: str, target: Path) -> None:
    write_atomically(target, gzip.decompress(bytes.fromhex(blob[2:])))


def _forget_old_states() -> None:
    """Keep the newest states only; the small records stay, for a node may still run from a removed state."""
    states = [p for p in cache_folder().glob("state-*.json") if not p.name.endswith(".record.json")]
    for state in sorted(states, key=lambda p: p.stat().st_mtime)[:-_KEPT_STATES]:
        state.unlink(missing_ok=True)

"""Leases of nonce lanes, and blocks of nonces on 1inch's contract: who may issue what."""

from __future__ import annotations

from collections.abc import Mapping, Set

from pmm.execution import WINDOW, LaneLease
from pmm.journal.schema import INSERT_BLOCK, UPSERT_LEASE
from pmm.journal.store import Row, Statement, Store

BLOCK = 256
"""Nonces of one word of 1inch's bitmap."""

_READ_LEASES = "SELECT nonce_space, replica, expires_at_ms, fence FROM leases"
_READ_NEXT = "SELECT max(nonce) + 1 FROM quotes WHERE nonce_space = ?"
# No nonce is issued WINDOW beyond a live one, so that a live one lies no deeper than that.
_READ_LIVE = (
    "SELECT nonce FROM quotes LEFT JOIN outcomes ON outcomes.order_hash = quotes.order_hash "
    "WHERE nonce_space = ? AND outcomes.order_hash IS NULL "
    "AND nonce > (SELECT max(nonce) FROM quotes WHERE nonce_space = ?) - ?"
)
_READ_LAST_BLOCK = "SELECT max(block) FROM nonce_blocks"
_READ_LAST_NONCE = "SELECT max(nonce) FROM quotes WHERE nonce_space = ?"
_RELEASE = "UPDATE leases SET expires_at_ms = 0 WHERE replica = ?"


def lease_lanes(
    store: Store, *, replica: str, spaces: Mapping[str, int], adopted: Set[str], most: int, lease_ms: int
) -> tuple[LaneLease, ...]:
    """Renew what we hold and take free lanes until there are ``most``; return every lane held.

    ``adopted`` are those we issue from already: of all others the lease says where to begin.
    A lane is free when nobody holds it, when its lease has run out by the database's clock, or when nobody but us
    can be running.
    """
    now_rows, rows = store.begin(((f"SELECT {store.now_ms}", ()), (_READ_LEASES, ())))
    now_ms, known = now_rows[0][0], {row[0]: row for row in rows}
    held = {space: known[space][3] for space in spaces if space in known and known[space][1] == replica}
    taken: dict[str, int] = {}
    for space in spaces:
        if len(held) + len(taken) >= most:
            break
        if space not in held and _is_free(known.get(space), now_ms, shared=store.shared):
            taken[space] = (known[space][3] if space in known else 0) + 1
    # A lease whose confirmation was lost is ours, and yet nobody issues from it.
    taken |= {space: fence for space, fence in held.items() if space not in adopted}
    held = {space: fence for space, fence in held.items() if space in adopted}
    reads: list[Statement] = []
    for space in taken:
        reads += [(_READ_NEXT, (space,)), (_READ_LIVE, (space, space, 2 * WINDOW))]
    answers = iter(store.query(reads))
    leases = [LaneLease(lane=spaces[space], fence=fence) for space, fence in held.items()]
    for space, fence in taken.items():
        following, live = next(answers), next(answers)
        leases.append(
            LaneLease(
                lane=spaces[space],
                fence=fence,
                next_nonce=following[0][0] or 0,
                live=tuple(row[0] for row in live),
            )
        )
    expires_at_ms = now_ms + lease_ms
    store.commit(
        [(UPSERT_LEASE, (space, replica, expires_at_ms, fence)) for space, fence in (held | taken).items()]
    )
    return tuple(leases)


def _is_free(lease: Row | None, now_ms: int, *, shared: bool) -> bool:
    return lease is None or not shared or lease[2] <= now_ms


def release_lanes(store: Store, replica: str) -> None:
    """Let other replicas take our lanes at once."""
    store.begin(())
    store.commit([(_RELEASE, (replica,))])


def take_block(store: Store, replica: str, space: str, *, at_least: int) -> range:
    """Take the first block that nobody ever took, above every nonce recorded in ``space``, from ``at_least`` on."""
    now, block, nonce = store.begin(
        ((f"SELECT {store.now_ms}", ()), (_READ_LAST_BLOCK, ()), (_READ_LAST_NONCE, (space,)))
    )
    last_block = -1 if block[0][0] is None else block[0][0]
    last_nonce = -1 if nonce[0][0] is None else nonce[0][0]
    taken = max(last_block, last_nonce // BLOCK, (at_least + BLOCK - 1) // BLOCK - 1) + 1
    store.commit([(INSERT_BLOCK, (taken, replica, now[0][0]))])
    return range(taken * BLOCK, (taken + 1) * BLOCK)

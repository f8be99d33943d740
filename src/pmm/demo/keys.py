"""The keys of the demo's quote server: two for the taker, one for the desk, made for the run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from pmm.server.access.keys import KeyKind, new_key, write_keys
from pmm.server.access.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoKeys:
    """``file`` holds what the server checks them by; the keys themselves stay in memory."""

    file: Path
    taker: str = field(repr=False)
    health: str = field(repr=False)
    desk: str = field(repr=False)


def make_keys(folder: Path) -> DemoKeys:
    """Make them; the desk's has the role that may stop and shape quotes. Raises SetupError."""
    now_s = int(time.time())
    made = {
        name: new_key(kind=KeyKind.API_KEY, role=role, name=name, now_s=now_s)
        for name, role in (("pmm", Role.RELAYER), ("health", Role.VIEWER), ("desk", Role.DESK))
    }
    file = folder / "keys.json"
    write_keys(file, [record for record, _ in made.values()])
    return DemoKeys(file=file, taker=made["pmm"][1], health=made["health"][1], desk=made["desk"][1])

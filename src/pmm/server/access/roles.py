"""Roles, and who is behind a request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a key may do. ``relayer`` asks for quotes; the others are operators, each may do what those before may.

    ``desk`` is ``pmm desk``: it may what ``risk`` may, and what it sets is the desk's own, never a person's.
    """

    RELAYER = "relayer"
    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    DESK = "desk"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Tell whether this role may do what ``needed`` may; relayers and operators do not mix."""
        if Role.RELAYER in (self, needed):
            return self is needed
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a request comes from, once its credentials were checked.

    Attributes:
        key_id: public id of the key; ``open`` for a development node without keys.
        role: what it may do.
        name: the relayer's name, or the person's.
    """

    key_id: str
    role: Role
    name: str

"""Refusals of the operator's API, and who may call what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from pmm.relayers.refusals import WireRefusal
from pmm.server.access import refusals
from pmm.server.access.front_door import principal_of
from pmm.server.access.roles import Principal, Role

_SCHEME = APIKeyHeader(
    name="X-API-Key", auto_error=False, description="Or Authorization: Bearer, or a signed request."
)


class Refused(Exception):
    """Answered with ``refusal``."""

    def __init__(self, refusal: WireRefusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refuse(status: int, code: str, message: str, remedy: str) -> Refused:
    """Return the exception to raise."""
    return Refused(WireRefusal(status=status, code=code, message=message, remedy=remedy))


def needs(role: Role) -> Callable[..., Principal]:
    """Return the dependency of a route that only this role, or a higher one, may call."""

    def principal(request: Request, _: Annotated[str | None, Depends(_SCHEME)]) -> Principal:
        found = principal_of(request.scope)
        # The front door has let nobody in without a principal: without a door nobody gets in at all.
        if found is None:
            raise Refused(refusals.NO_CREDENTIALS)
        if not found.role.may(role):
            raise Refused(refusals.wrong_role(found.role, role))
        return found

    return principal

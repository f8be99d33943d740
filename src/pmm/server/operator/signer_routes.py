"""The signer over HTTP: who signs, and where a rotation stands; the switch itself is a restart with the new key."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends

from pmm.domain import Address, parse_address
from pmm.errors import PmmError
from pmm.server.access.roles import Principal, Role
from pmm.server.operator.models import ErrorAnswer, RotateRequest, SignerAnswer
from pmm.server.operator.refused import needs, refuse


class RotationDesk(Protocol):
    """Runs a rotation."""

    def report(self) -> SignerAnswer:
        """Return who signs, and where the rotation stands."""
        ...

    def begin(self, new: Address, who: str) -> None:
        """Begin; raise a PmmError when one is under way or the address is the present one."""
        ...

    def abandon(self, who: str) -> None:
        """Stay with the old signer; raise a PmmError once the new one signs."""
        ...


_ERRORS: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorAnswer, "description": "The rotation is not where this step needs it."}
}


def signer_routes(desk: RotationDesk) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/signer", tags=["signer"])

    @router.get("", summary="Who signs, and where a rotation stands.")
    async def signer(_: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> SignerAnswer:
        return desk.report()

    @router.post(
        "/rotate", summary="Name the next signer; the owner authorises it on chain.", responses=_ERRORS
    )
    async def rotate(
        request: RotateRequest, who: Annotated[Principal, Depends(needs(Role.ADMIN))]
    ) -> SignerAnswer:
        return _step(desk, lambda: desk.begin(parse_address(request.address, "address"), who.name))

    @router.post("/abandon", summary="Stay with the present signer.", responses=_ERRORS)
    async def abandon(who: Annotated[Principal, Depends(needs(Role.ADMIN))]) -> SignerAnswer:
        return _step(desk, lambda: desk.abandon(who.name))

    return router


def _step(desk: RotationDesk, step: Any) -> SignerAnswer:
    try:
        step()
    except PmmError as error:
        raise refuse(409, "rotation", str(error), "GET /v1/operator/signer says where it stands") from error
    return desk.report()

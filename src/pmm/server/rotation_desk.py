"""Runs a rotation of the signer over restarts: named here, proven on chain, switched by a start with the new key."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from pmm.domain import Address
from pmm.errors import ChainError, InvalidInput, SetupError, UnsafeToSign
from pmm.execution import ChainView, GuardedSigner, ReservationBook
from pmm.server.operator.models import SignerAnswer
from pmm.signers.rotation import RotationFacts, RotationState, SignerRotation

_LOG = structlog.get_logger()


class SignerRotationDesk:
    """Holds the rotation in a private JSON file.

    Args:
        path: the file; absent while no rotation was begun.
        signer: who signs in this run.
        book: live quotes.
        lanes_of: reads, blocking, how many lanes the owner has opened for an address; raises ChainError.
        ttl_s: longest life of an order.
        confirmations: depth at which the chain is believed.
    """

    def __init__(
        self,
        path: Path,
        *,
        signer: GuardedSigner,
        book: ReservationBook,
        lanes_of: Callable[[Address], int],
        ttl_s: int,
        confirmations: int,
    ) -> None:
        self._path = path
        self._signer = signer
        self._book = book
        self._lanes_of = lanes_of
        self._ttl_s = ttl_s
        self._confirmations = confirmations
        self._view: ChainView | None = None
        self.rotation = _read(path)
        self._check_start()

    def report(self) -> SignerAnswer:
        """Return who signs, and where the rotation stands."""
        rotation = None if self.rotation is None else _record(self.rotation)
        return SignerAnswer(
            address=self._signer.address,
            mode=self._signer.mode.value,
            remote=self._signer.is_remote,
            rotation=rotation,
        )

    def begin(self, new: Address, who: str) -> None:
        """Name the next signer; raise InvalidInput when a rotation is under way, or it is the present one."""
        if self.rotation is not None and not self.rotation.is_over:
            raise InvalidInput(f"rotation: expected none under way, found one to {self.rotation.new}")
        if self._view is None:
            raise InvalidInput("rotation: expected a chain view, found none yet; try again")
        self._put(
            SignerRotation(
                old=self._signer.address,
                new=new,
                ttl_s=self._ttl_s,
                confirmations=self._confirmations,
                began_at_s=self._view.market.block_timestamp_s,
            ),
            who,
        )

    def abandon(self, who: str) -> None:
        """Stay with the old signer; raise InvalidInput when there is nothing to abandon."""
        if self.rotation is None:
            raise InvalidInput("rotation: expected one under way, found none")
        self._put(self.rotation.abandon(), who)

    async def on_view(self, view: ChainView) -> None:
        """Take in a block; the chain is asked in a thread."""
        self._view = view
        rotation = self.rotation
        if rotation is None or rotation.is_over:
            return
        try:
            lanes = await asyncio.to_thread(self._lanes_of, rotation.new)
        except ChainError as error:
            _LOG.warning("rotation_not_checked", error=str(error))
            return
        facts = RotationFacts(
            block=view.market.block_number,
            chain_time_s=view.market.block_timestamp_s,
            new_authorised=lanes > 0,
            open_old=sum(1 for quote in self._book if quote.signer == rotation.old),
        )
        if self.rotation is not rotation:
            return
        if rotation.state is RotationState.OVERLAP and self._signer.address == rotation.new:
            self._put(rotation.switch(facts), "restart")
            return
        after = rotation.seen(facts)
        if after != rotation:
            self._put(after, "chain")

    def _check_start(self) -> None:
        rotation = self.rotation
        if rotation is None or rotation.is_over:
            return
        found, state = self._signer.address, rotation.state
        early = found == rotation.new and state is RotationState.WAITING
        back = found == rotation.old and state is RotationState.SWITCHED
        if early or back or found not in (rotation.old, rotation.new):
            raise UnsafeToSign(
                f"rotation: expected {rotation.signer} to sign while the rotation to {rotation.new} is "
                f"{state.value}, found {found}; start with the key of {rotation.signer}, or remove {self._path}"
            )

    def _put(self, rotation: SignerRotation, who: str) -> None:
        _write(self._path, rotation)
        before = self.rotation
        self.rotation = rotation
        if before is None or before.state is not rotation.state:
            _LOG.warning(
                "signer_rotation", state=rotation.state.value, old=rotation.old, new=rotation.new, by=who
            )


def _record(rotation: SignerRotation) -> dict[str, Any]:
    return {**asdict(rotation), "state": rotation.state.value}


def _read(path: Path) -> SignerRotation | None:
    try:
        record = json.loads(path.read_text())
        return SignerRotation(**{**record, "state": RotationState(record["state"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SetupError(f"rotation file {path}: expected what the server wrote; remove it") from error


def _write(path: Path, rotation: SignerRotation) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(_record(rotation), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise SetupError(f"rotation file {path}: could not write it: {error.strerror}") from error

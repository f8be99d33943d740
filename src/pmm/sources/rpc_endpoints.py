"""Nodes of providers, by the forms of their addresses; the key is part of the address, so neither is ever shown.

Alchemy: https://www.alchemy.com/docs/reference/ethereum-api-quickstart. Infura:
https://docs.metamask.io/services/reference/ethereum/quickstart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import SecretStr

from pmm.chain.rpc import shown_url
from pmm.errors import InvalidInput
from pmm.sources.settings import SourceSettings

_KEY = re.compile(r"[A-Za-z0-9_-]{8,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcEndpoint:
    """One node; ``websocket`` is None where it has none."""

    name: str
    http: SecretStr
    websocket: SecretStr | None

    @property
    def shown(self) -> str:
        """Scheme and host: all that may be shown."""
        return shown_url(self.http.get_secret_value())


def alchemy(key: str) -> RpcEndpoint:
    """Return Alchemy's mainnet node for a key; raises InvalidInput for what cannot be one."""
    path = f"eth-mainnet.g.alchemy.com/v2/{_checked('alchemy', key)}"
    return RpcEndpoint(
        name="alchemy", http=SecretStr(f"https://{path}"), websocket=SecretStr(f"wss://{path}")
    )


def infura(key: str) -> RpcEndpoint:
    """Return Infura's mainnet node for a key; raises InvalidInput for what cannot be one."""
    checked = _checked("infura", key)
    return RpcEndpoint(
        name="infura",
        http=SecretStr(f"https://mainnet.infura.io/v3/{checked}"),
        websocket=SecretStr(f"wss://mainnet.infura.io/ws/v3/{checked}"),
    )


def node_endpoints(settings: SourceSettings, own_url: str | None = None) -> tuple[RpcEndpoint, ...]:
    """Return our own node first, then the providers whose keys are set; the order is by score from then on."""
    found = []
    if own_url is not None:
        found.append(RpcEndpoint(name="own", http=SecretStr(own_url), websocket=None))
    if settings.alchemy_key is not None:
        found.append(alchemy(settings.alchemy_key.get_secret_value()))
    if settings.infura_key is not None:
        found.append(infura(settings.infura_key.get_secret_value()))
    return tuple(found)


def _checked(name: str, key: str) -> str:
    if not _KEY.fullmatch(key):
        raise InvalidInput(f"{name} key: expected 8 to 128 letters, digits, - or _; found something else")
    return key

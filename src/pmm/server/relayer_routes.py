"""Which relayer a request is for: by the path that is its own, by who it is, else our own API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pmm.errors import InvalidInput
from pmm.relayers.codec import RelayerProfile, Route
from pmm.relayers.refusals import WireRefusal
from pmm.server.endpoints import QuoteEndpoints

RELAYER_SCOPE = "pmm.relayer"
"""Key of the ASGI scope under which the authenticating middleware puts the relayer's name."""
BEGAN_SCOPE = "pmm.began_s"
"""Key of the ASGI scope with the event loop's time at which the request came in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A path, and the relayer's route that answers it."""

    path: str
    endpoints: QuoteEndpoints
    route: Route


class RelayerRoutes:
    """Every route of every relayer.

    A relayer's paths are served behind ``/<name>``, and bare. Where several share a bare path, as ``/order``, the
    name of the authenticated relayer decides, and the first in the list answers those that are not authenticated.

    Raises InvalidInput for a name that is listed twice.
    """

    def __init__(self, relayers: Sequence[QuoteEndpoints]) -> None:
        self._by_name: dict[str, QuoteEndpoints] = {}
        self._by_path: dict[str, Served] = {}
        self._by_relayer: dict[tuple[str, str], Served] = {}
        for endpoints in relayers:
            name = endpoints.profile.name
            if name in self._by_name:
                raise InvalidInput(f"relayers: {name} is listed twice; list it once")
            self._by_name[name] = endpoints
            for route in endpoints.profile.routes:
                bare = Served(path=route.path, endpoints=endpoints, route=route)
                behind = Served(path=f"/{name}{route.path}", endpoints=endpoints, route=route)
                self._by_path.setdefault(bare.path, bare)
                self._by_path[behind.path] = behind
                self._by_relayer[name, bare.path] = bare
                self._by_relayer[name, behind.path] = behind

    def __iter__(self) -> Iterator[Served]:
        return iter(self._by_path.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the relayers, in order."""
        return tuple(self._by_name)

    @property
    def profiles(self) -> tuple[RelayerProfile, ...]:
        """The relayers, in order."""
        return tuple(endpoints.profile for endpoints in self._by_name.values())

    def relayer(self, name: str) -> QuoteEndpoints | None:
        """Return the relayer of a name."""
        return self._by_name.get(name)

    def find(self, path: str, relayer: object = None) -> Served | WireRefusal | None:
        """Return what answers a path; None where no relayer does, a refusal where it is another's path."""
        if not isinstance(relayer, str) or relayer not in self._by_name:
            return self._by_path.get(path)
        own = self._by_relayer.get((relayer, path))
        if own is not None:
            return own
        if path not in self._by_path:
            return None
        return WireRefusal(
            status=403,
            code="other_relayer",
            message=f"expected a path of {relayer}, found {path[:100]}",
            remedy=f"use the paths behind /{relayer}",
        )

"""What an operator asked for stands on the next quote and ladder of a genuine server, and after its restart."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from pmm.execution.quote_shaping import Setter, ShapeKey, ShapeKind
from tests.fork.server.site import Deployed, serving

_SPREAD = ShapeKey(ShapeKind.SPREAD, "*", Setter.PERSON)


def test_shape__set__is_on_the_next_quote_and_ladder_and_after_a_restart(
    deployed: Deployed, journal: Path
) -> None:
    with serving(deployed, journal) as server:
        plain, ladder = server.order().json(), server.ask("GET", "/levels").json()
        assert "operator_spread" not in plain["components"]
        server.runtime.plane.shape.set(_SPREAD, Decimal("7.5"), version=0, who="ada", why="news")
        wide = server.order().json()
        assert wide["components"]["operator_spread"] == "7.5"
        assert Decimal(wide["totalBps"]) == sum(Decimal(one) for one in wide["components"].values())
        assert server.ask("GET", "/levels").json() != ladder
    with serving(deployed, journal) as again:
        assert again.order().json()["components"]["operator_spread"] == "7.5"
        again.runtime.plane.shape.set(_SPREAD, Decimal(0), version=1, who="ada", why="over")
        assert "operator_spread" not in again.order().json()["components"]

"""Several sources beyond the chain as one."""

from __future__ import annotations

from collections.abc import Sequence

from pmm.execution import Outside, OutsideMarket


class CombinedMarket:
    """Implements ``OutsideMarket`` over others, in their order."""

    def __init__(self, sources: Sequence[OutsideMarket]) -> None:
        self._sources = tuple(sources)

    def current(self) -> Outside:
        """Return what all of them heard last."""
        heard = [source.current() for source in self._sources]
        return Outside(
            references=tuple(one for outside in heard for one in outside.references),
            otc=tuple(one for outside in heard for one in outside.otc),
            perps=tuple(one for outside in heard for one in outside.perps),
        )

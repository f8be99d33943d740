"""Caps of what may leave, told twice: as the contract counts, and as what its count is for."""

from __future__ import annotations

from dataclasses import dataclass, field

AMOUNT_BITS = 36


@dataclass(slots=True)
class Cap:
    """One token's cap: amounts are counted in powers of two that fit 36 bits, caps down and uses up."""

    per_block: int
    per_window: int
    window_s: int
    uses: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def unit(self) -> int:
        return 1 << max(0, max(self.per_block, self.per_window).bit_length() - AMOUNT_BITS)

    def _counted(self, amount: int) -> int:
        return -(-amount // self.unit) * self.unit

    def refusal(self, amount: int, *, at_s: int, block: int) -> set[str]:
        """What it is refused with; fixed windows end to end, the last and this one count."""
        counted = self._counted(amount)
        in_block = sum(used for _, used_block, used in self.uses if used_block == block)
        if in_block + counted > self.per_block // self.unit * self.unit:
            return {"BlockCapExceeded", "WindowCapExceeded"}
        window = at_s // self.window_s
        in_windows = sum(
            used for used_s, _, used in self.uses if used_s // self.window_s in (window - 1, window)
        )
        return (
            {"WindowCapExceeded"}
            if in_windows + counted > self.per_window // self.unit * self.unit
            else set()
        )

    def use(self, amount: int, *, at_s: int, block: int) -> None:
        self.uses.append((at_s, block, self._counted(amount)))

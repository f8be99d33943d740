"""What live quotes promise of the settlement contract's inventory, read beside the server that writes the journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pmm.domain import Address
from pmm.errors import SetupError
from pmm.execution import CONTRACT_VENUES
from pmm.journal.live_journal import LiveJournal
from pmm.journal.totals import asset_name

_MOST_LATE = 512
_VENUES = ", ".join(f"'{one.value}'" for one in CONTRACT_VENUES)
# One statement sees one state: a quote that ends meanwhile is in the totals or among the late ones. Both parts go by
# primary key: a row per asset, and the newest ends.
_PROMISED = f"""
SELECT name, amount FROM totals WHERE name IN ({{}})
UNION ALL
SELECT CASE WHEN quotes.settlement IN ({_VENUES}) THEN quotes.maker_asset ELSE '' END, quotes.reserved_amount
FROM (SELECT order_hash, block_number FROM outcomes ORDER BY seq DESC LIMIT {_MOST_LATE}) AS late
JOIN quotes ON quotes.order_hash = late.order_hash WHERE late.block_number > ?
"""  # noqa: S608 - constants


class PromisedInventory:
    """Reads one journal, as ``LiveJournal`` does."""

    def __init__(self, where: Path | str, *, chain_id: int, maker: Address) -> None:
        self._journal = LiveJournal(where, chain_id=chain_id, maker=maker)

    def reserved(self, assets: Sequence[Address], *, block_number: int) -> dict[Address, int]:
        """Return base units per maker asset that must stay in the settlement contract.

        They are of every quote without an end, and of those that ended above ``block_number``, at which the caller
        knows the balances: what a fill took above it is still in them.

        Raises:
            SetupError: the journal is not there yet or cannot be read now; or the caller is too far behind.
            InvalidInput: it is something else, of another version, or another settlement contract's.
        """
        names = {asset_name(asset): asset for asset in assets}
        statement = _PROMISED.format(", ".join("?" * len(names)))
        found = dict.fromkeys(assets, 0)
        late = 0
        for name, amount in self._journal.look(statement, (*names, block_number)):
            late += name not in names
            asset = names.get(name, name)
            if asset in found:
                found[asset] += int(amount)
        if late >= _MOST_LATE:
            raise SetupError(
                f"expected fewer than {_MOST_LATE} quotes that ended above block {block_number}, found more in "
                f"{self._journal.location}; wait until the desk has caught up"
            )
        return found

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._journal.close()

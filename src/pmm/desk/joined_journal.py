"""The quote server's journal, as the settings name it."""

from __future__ import annotations

import structlog

from pmm.chain.indexer import KnownOrder
from pmm.desk.scene import Scene
from pmm.errors import InvalidInput, SetupError
from pmm.execution import Settlement
from pmm.journal.given_quotes import GivenQuotes
from pmm.journal.promised import PromisedInventory
from pmm.journal.signed_orders import SignedOrders

_LOG = structlog.get_logger()


def promised_inventory(scene: Scene) -> PromisedInventory | None:
    """Return the quote server's journal, None where none is set; raise InvalidInput for one of something else."""
    where = scene.journal_place
    if where is None:
        _LOG.warning("no_journal_joined", why="PMM_JOURNAL says none, or PMM_DESK_RESERVATIONS is false")
        return None
    found = PromisedInventory(where, chain_id=scene.identity.chain_id, maker=scene.settlement)
    try:
        found.reserved([token.address for token in scene.tokens], block_number=scene.watch.start_block)
    except SetupError as error:
        # The server may start later, or has much behind it: every turn looks again, and spends nothing until then.
        _LOG.info("journal_not_read_yet", why=str(error))
    except BaseException:
        found.close()
        raise
    return found


class KnownOrders:
    """Finds our orders on 1inch's contract for the indexer, whose event names no amounts.

    Where the journal cannot be read, or none is joined, an order counts as unknown: its fill is read from its
    transfers alone, which a taker may blur with others. Balances and hedges do not go by it.
    """

    def __init__(self, orders: SignedOrders | None) -> None:
        self._orders = orders
        self._silent = ""

    @classmethod
    def of(cls, scene: Scene) -> KnownOrders:
        """Join the journal that the settings name."""
        where, chain_id = scene.journal_place, scene.identity.chain_id
        return cls(None if where is None else SignedOrders(where, chain_id=chain_id, maker=scene.settlement))

    def __call__(self, order_hash: bytes) -> KnownOrder | None:
        """Return what was signed, None for an order that is not known to be ours."""
        if self._orders is None:
            return None
        try:
            order = self._orders.find(order_hash, Settlement.ONEINCH)
        except (SetupError, InvalidInput) as error:
            if str(error) != self._silent:
                _LOG.warning("fills_read_without_journal", why=str(error))
            self._silent = str(error)
            return None
        self._silent = ""
        if order is None:
            return None
        return KnownOrder(
            maker_asset=order.maker_asset,
            taker_asset=order.taker_asset,
            making_amount=order.making_amount,
            taking_amount=order.taking_amount,
        )

    @property
    def quotes(self) -> GivenQuotes | None:
        """The quotes of the same journal, None where none is joined."""
        return None if self._orders is None else self._orders.quotes

    def close(self) -> None:
        """Close the journal."""
        if self._orders is not None:
            self._orders.close()

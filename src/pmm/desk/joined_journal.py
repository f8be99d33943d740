"""The quote server's journal, as the settings name it."""

from __future__ import annotations

import structlog

from pmm.desk.scene import Scene
from pmm.errors import SetupError
from pmm.journal.promised import PromisedInventory

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
    return found

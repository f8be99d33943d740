"""The desk after the fill: follows the chain, keeps the books, hedges, measures. ``pmm desk`` runs it.

``open_desk(settings)`` joins ledger, node pool, indexer, book, hedger, transaction sender, risk and metrics.
``Desk.step()`` does one turn without sleeping: call it until ``quiet``; ``Desk.run(stop)`` does so for ever.
``read_status`` is what ``pmm status`` shows, from the ledger and the node, beside a desk that runs.
"""

from pmm.desk.desk import Desk, DeskTurn
from pmm.desk.opening import open_desk
from pmm.desk.status import DeskStatus, read_status

__all__ = ["Desk", "DeskStatus", "DeskTurn", "open_desk", "read_status"]

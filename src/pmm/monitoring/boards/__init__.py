"""Grafana boards as code: `make monitoring` writes them to monitoring/boards.

What a board shows stands in a module per board, as values; ``grafana`` turns them into Grafana's JSON with the
library grafana-foundation-sdk, which only those who change a board need.
"""

from pmm.monitoring.boards.board import Board, Panel, PanelKind, Query, Section
from pmm.monitoring.boards.books_board import BOOKS
from pmm.monitoring.boards.plumbing_board import PLUMBING
from pmm.monitoring.boards.quotes_board import QUOTES
from pmm.monitoring.boards.risk_board import RISK

BOARDS = (RISK, BOOKS, PLUMBING, QUOTES)

__all__ = ["BOARDS", "Board", "Panel", "PanelKind", "Query", "Section"]

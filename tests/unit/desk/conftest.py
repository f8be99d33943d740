"""The journals of the journal's own tests."""

from __future__ import annotations

from tests.unit.journal.conftest import place, postgres

__all__ = ["place", "postgres"]

"""The stage of the hedger's tests."""

from tests.fork.hedging.conftest import ledger, placed, stage

__all__ = ["ledger", "placed", "stage"]

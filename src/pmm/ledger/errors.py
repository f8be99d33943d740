"""How the ledger fails."""

from pmm.errors import InvalidInput, SetupError


class LedgerDown(SetupError):
    """The ledger cannot be written or read now.

    Nothing of the transaction stands, except where the connection to a server broke while it was confirming: whoever
    tries again reads first how far it had come.
    """


class LedgerRefused(InvalidInput):
    """The database refuses these values: a duplicate key, a broken rule, SQL that it does not know."""

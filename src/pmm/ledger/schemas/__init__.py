"""Every schema module of the ledger. A new one is added here and is made when the ledger is opened next."""

from pmm.ledger.schema_module import SchemaModule
from pmm.ledger.schemas.actions import ACTIONS
from pmm.ledger.schemas.alerts import ALERTS
from pmm.ledger.schemas.audit import AUDIT
from pmm.ledger.schemas.backtest import BACKTEST
from pmm.ledger.schemas.business import BUSINESS
from pmm.ledger.schemas.chain import CHAIN
from pmm.ledger.schemas.hedging import HEDGING
from pmm.ledger.schemas.history import HISTORY
from pmm.ledger.schemas.performance import PERFORMANCE
from pmm.ledger.schemas.replay import REPLAY
from pmm.ledger.schemas.sent import SENT

ALL: tuple[SchemaModule, ...] = (
    CHAIN,
    HEDGING,
    SENT,
    ACTIONS,
    ALERTS,
    AUDIT,
    HISTORY,
    PERFORMANCE,
    BACKTEST,
    REPLAY,
    BUSINESS,
)

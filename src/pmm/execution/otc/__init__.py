"""Negotiated trades: entered by an operator, signed, settled and hedged like any other quote.

``await OtcDesk(quote_desk, chain_id=..., policy=OtcPolicy(), new_id=...).enter(OtcTrade(...))`` goes through
``AdmissionDesk.admit`` with the trade's own amounts as the price (``FirmQuoteRequest.negotiated``). The fill is an
``OrderFilled`` like any other; book and hedger need not know. Joined in ``pmm.server.runtime``, reached by ``POST
/v1/operator/otc`` and ``pmm otc enter``; ``docs/otc.md``.
"""

from pmm.execution.otc.negotiated_price import NEGOTIATED, NegotiatedPrice, OtcPolicy
from pmm.execution.otc.otc_desk import OTC, OtcDesk
from pmm.execution.otc.trade import OtcTrade

__all__ = ["NEGOTIATED", "OTC", "NegotiatedPrice", "OtcDesk", "OtcPolicy", "OtcTrade"]

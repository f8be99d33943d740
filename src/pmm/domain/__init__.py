"""Tokens, orders, signatures and the values of a quote: pure, synchronous, without I/O or clock.

Amounts are ``int`` in base units of their asset.
"""

from pmm.domain.calldata import (
    SELECTORS,
    FillCall,
    FillFunction,
    PlainCall,
    decode_calldata,
    encode_call,
    encode_cancel_orders,
    encode_fill,
    encode_hash_order,
)
from pmm.domain.chain_events import (
    BlockRef,
    ChainChange,
    ChainEvent,
    EventPlace,
    LendingAction,
    LendingChanged,
    LendingMarket,
    OrderFilled,
    OrdersCancelled,
    TokenMoved,
)
from pmm.domain.compact_order import CompactOrder, why_not_compact
from pmm.domain.contract_signature import (
    CONTRACT_SIGNATURE_LENGTH,
    SHORT_CONTRACT_SIGNATURE_LENGTH,
    ContractSignature,
)
from pmm.domain.decision import Decision, RefusalReason
from pmm.domain.eip712 import (
    ORDER_TYPE,
    ORDER_TYPEHASH,
    ROUTER_V6,
    OrderDomain,
    oneinch_domain,
    order_hash,
    settlement_domain,
    typed_data,
)
from pmm.domain.extension import (
    Extension,
    OwnDomainTerms,
    RouterHookTerms,
    build_salt,
    extension_low_bits,
    salt_epoch,
    salt_matches_extension,
)
from pmm.domain.fill import Fill
from pmm.domain.firm_quote import FirmQuote
from pmm.domain.funding_plan import FundingPlan, FundingSource, HedgeLeg, lender_route, path_route
from pmm.domain.inventory import Inventory
from pmm.domain.maker_traits import LANES, MakerTraits, QuoteDecay, allowed_sender_of
from pmm.domain.native_backends import keccak256, require_native_backends
from pmm.domain.okx_order import OKX_PMM_PROTOCOL, OkxDecay, OkxOrder, okx_domain
from pmm.domain.orders import RfqOrder
from pmm.domain.permits import (
    PERMIT2,
    DaiPermit,
    Eip2612Permit,
    Permit2Permit,
    TokenDomain,
    decode_permit,
)
from pmm.domain.price_level import PriceLevel, whole_tokens
from pmm.domain.quote_request import QuoteRequest
from pmm.domain.settlement_calls import BatchCall, BatchFill, CompactCall
from pmm.domain.signed_order import SignedOrder, sign_order
from pmm.domain.signing import Signature, SigningKey, forbid_signing_keys, recover_signer
from pmm.domain.taker_traits import FillArgs, TakerTraits
from pmm.domain.tokens import (
    DAI,
    MAINNET_TOKENS,
    USDC,
    USDT,
    WBTC,
    WETH,
    ZERO_ADDRESS,
    Address,
    Token,
    TokenRegistry,
    address_from_bytes,
    address_to_bytes,
    parse_address,
)
from pmm.domain.words import UINT256_MAX, parse_bytes, parse_uint, to_hex, word_hex

__all__ = [
    "CONTRACT_SIGNATURE_LENGTH",
    "DAI",
    "LANES",
    "MAINNET_TOKENS",
    "OKX_PMM_PROTOCOL",
    "ORDER_TYPE",
    "ORDER_TYPEHASH",
    "PERMIT2",
    "ROUTER_V6",
    "SELECTORS",
    "SHORT_CONTRACT_SIGNATURE_LENGTH",
    "UINT256_MAX",
    "USDC",
    "USDT",
    "WBTC",
    "WETH",
    "ZERO_ADDRESS",
    "Address",
    "BatchCall",
    "BatchFill",
    "BlockRef",
    "ChainChange",
    "ChainEvent",
    "CompactCall",
    "CompactOrder",
    "ContractSignature",
    "DaiPermit",
    "Decision",
    "Eip2612Permit",
    "EventPlace",
    "Extension",
    "Fill",
    "FillArgs",
    "FillCall",
    "FillFunction",
    "FirmQuote",
    "FundingPlan",
    "FundingSource",
    "HedgeLeg",
    "Inventory",
    "LendingAction",
    "LendingChanged",
    "LendingMarket",
    "MakerTraits",
    "OkxDecay",
    "OkxOrder",
    "OrderDomain",
    "OrderFilled",
    "OrdersCancelled",
    "OwnDomainTerms",
    "Permit2Permit",
    "PlainCall",
    "PriceLevel",
    "QuoteDecay",
    "QuoteRequest",
    "RefusalReason",
    "RfqOrder",
    "RouterHookTerms",
    "Signature",
    "SignedOrder",
    "SigningKey",
    "TakerTraits",
    "Token",
    "TokenDomain",
    "TokenMoved",
    "TokenRegistry",
    "address_from_bytes",
    "address_to_bytes",
    "allowed_sender_of",
    "build_salt",
    "decode_calldata",
    "decode_permit",
    "encode_call",
    "encode_cancel_orders",
    "encode_fill",
    "encode_hash_order",
    "extension_low_bits",
    "forbid_signing_keys",
    "keccak256",
    "lender_route",
    "okx_domain",
    "oneinch_domain",
    "order_hash",
    "parse_address",
    "parse_bytes",
    "parse_uint",
    "path_route",
    "recover_signer",
    "require_native_backends",
    "salt_epoch",
    "salt_matches_extension",
    "settlement_domain",
    "sign_order",
    "to_hex",
    "typed_data",
    "whole_tokens",
    "why_not_compact",
    "word_hex",
]

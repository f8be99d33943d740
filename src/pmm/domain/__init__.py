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
from pmm.domain.contract_signature import CONTRACT_SIGNATURE_LENGTH, ContractSignature
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
    build_salt,
    extension_low_bits,
    salt_epoch,
    salt_matches_extension,
)
from pmm.domain.fill import Fill
from pmm.domain.firm_quote import FirmQuote
from pmm.domain.funding_plan import FundingPlan, FundingSource
from pmm.domain.inventory import Inventory
from pmm.domain.maker_traits import LANES, MakerTraits, allowed_sender_of
from pmm.domain.native_backends import keccak256, require_native_backends
from pmm.domain.orders import RfqOrder
from pmm.domain.price_level import PriceLevel, whole_tokens
from pmm.domain.quote_request import QuoteRequest
from pmm.domain.signed_order import SignedOrder, sign_order
from pmm.domain.signing import Signature, SigningKey, recover_signer
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
    "ORDER_TYPE",
    "ORDER_TYPEHASH",
    "ROUTER_V6",
    "SELECTORS",
    "UINT256_MAX",
    "USDC",
    "USDT",
    "WBTC",
    "WETH",
    "ZERO_ADDRESS",
    "Address",
    "ContractSignature",
    "Decision",
    "Extension",
    "Fill",
    "FillArgs",
    "FillCall",
    "FillFunction",
    "FirmQuote",
    "FundingPlan",
    "FundingSource",
    "Inventory",
    "MakerTraits",
    "OrderDomain",
    "OwnDomainTerms",
    "PlainCall",
    "PriceLevel",
    "QuoteRequest",
    "RefusalReason",
    "RfqOrder",
    "Signature",
    "SignedOrder",
    "SigningKey",
    "TakerTraits",
    "Token",
    "TokenRegistry",
    "address_from_bytes",
    "address_to_bytes",
    "allowed_sender_of",
    "build_salt",
    "decode_calldata",
    "encode_call",
    "encode_cancel_orders",
    "encode_fill",
    "encode_hash_order",
    "extension_low_bits",
    "keccak256",
    "oneinch_domain",
    "order_hash",
    "parse_address",
    "parse_bytes",
    "parse_uint",
    "recover_signer",
    "require_native_backends",
    "salt_epoch",
    "salt_matches_extension",
    "settlement_domain",
    "sign_order",
    "to_hex",
    "typed_data",
    "whole_tokens",
    "word_hex",
]

"""What ``SettlementLens`` says of one settlement: why an order would not fill, and what limits the desk.

The lens is a contract beside the settlement and is found by the deployment record. Nothing trusts it but the person
who asks. Source: contracts/interfaces/ISettlementLens.sol.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.deployments import fork_record_path, live_record_path, load_deployment
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import ZERO_ADDRESS, Address, RfqOrder, Signature, parse_address, to_hex
from pmm.errors import ChainError, InvalidInput

LENS = "SettlementLens"
_ORDER = "(" + ",".join(["uint256"] * 8) + ")"
CHECK_ORDER = f"checkOrder({_ORDER},bytes32,bytes32,bytes,address,uint256)"
CHECK_ROUTER_ORDER = f"checkRouterOrder({_ORDER},bytes32,bytes32,bytes,address,uint256)"
LIMITS, LIMITS_OF, SETTLEMENT = "limits()", "limitsOf(address)", "SETTLEMENT()"
LENS_CALLS = (CHECK_ORDER, CHECK_ROUTER_ORDER, LIMITS, LIMITS_OF, SETTLEMENT)
"""Functions of the lens that pmm calls; a test compares them with its ABI."""

NO_LIMIT = (1 << 256) - 1
"""Band of a pair without a limit."""

# The lens's structs: attribute here, name and type there. A test compares them with its ABI.
Fields = tuple[tuple[str, str, str], ...]
CAP_FIELDS: Fields = (
    ("is_set", "isSet", "bool"),
    ("unit", "unit", "uint256"),
    ("per_block", "perBlock", "uint256"),
    ("per_window", "perWindow", "uint256"),
    ("window_s", "windowSeconds", "uint256"),
    ("used_in_block", "usedInBlock", "uint256"),
    ("used_in_window", "usedInWindow", "uint256"),
    ("left", "left", "uint256"),
)
FEED_FIELDS: Fields = (
    ("feed", "feed", "address"),
    ("answered", "answered", "bool"),
    ("healthy", "healthy", "bool"),
    ("heartbeat_s", "heartbeatSeconds", "uint256"),
    ("exponent", "exponent", "uint256"),
    ("answer", "answer", "int256"),
    ("updated_at_s", "updatedAt", "uint256"),
    ("age_s", "ageSeconds", "uint256"),
)


def tuple_type(fields: Fields) -> str:
    """Return the ABI type of a struct."""
    return f"({','.join(kind for _, _, kind in fields)})"


TOKEN_FIELDS: Fields = (
    ("token", "token", "address"),
    ("registered", "registered", "bool"),
    ("inventory", "inventory", "uint256"),
    ("router_allowance", "routerAllowance", "uint256"),
    ("cap", "cap", tuple_type(CAP_FIELDS)),
    ("feed", "feed", tuple_type(FEED_FIELDS)),
    ("bands_bps", "bandsBps", "uint256[]"),
)
LIMITS_FIELDS: Fields = (
    ("block_number", "blockNumber", "uint256"),
    ("timestamp_s", "timestamp", "uint256"),
    ("max_expiry_s", "maxExpiry", "uint256"),
    ("hedger", "hedger", "address"),
    ("router_hooks", "routerHooks", "address"),
    ("lending_account", "lendingAccount", "address"),
    ("band_on", "bandOn", "bool"),
    ("caps_on", "capsOn", "bool"),
    ("locked", "locked", "bool"),
    ("tokens", "tokens", f"{tuple_type(TOKEN_FIELDS)}[]"),
)

# Bit by bit the answer of checkOrder and checkRouterOrder: name in the contract, and what it means.
REASONS: tuple[tuple[str, str], ...] = (
    ("MAKER", "maker is not the settlement (BadMaker)"),
    ("RECEIVER", "receiver is neither zero nor the settlement (BadReceiver)"),
    ("TRAITS", "makerTraits carry refused bits (UnsupportedTraits)"),
    ("EXPIRED", "expired (OrderExpired)"),
    ("EXPIRY_TOO_FAR", "expires further ahead than the owner allows (ExpiryTooFar)"),
    ("PRIVATE", "for another taker (PrivateOrder)"),
    ("MAKER_ASSET", "maker asset is not registered (UnregisteredToken)"),
    ("TAKER_ASSET", "taker asset is not registered (UnregisteredToken)"),
    ("SAME_ASSET", "maker and taker asset are the same (SameAsset)"),
    ("SIGNATURE", "signature is malformed (BadSignature, HighS)"),
    ("UNKNOWN_SIGNER", "signer is not authorised on that lane (UnknownSigner)"),
    ("PAUSED", "signer is paused (SignerIsPaused)"),
    ("EPOCH", "signer epoch in the salt is not the current one (WrongEpoch)"),
    ("NONCE", "nonce is filled, cancelled or left behind (NonceDead, NonceOutOfRange, BitInvalidatedOrder)"),
    (
        "EXTENSION",
        "extension is missing, unexpected, malformed or names a foreign hook (BadExtension, ForeignHook)",
    ),
    ("AMOUNT", "an amount is zero or overflows (ZeroAmount, AmountOverflow)"),
    ("PARTIAL", "all-or-nothing order filled in part (PartialFill)"),
    ("INVENTORY", "settlement holds less of the maker asset than the order gives"),
    ("TAKER_BALANCE", "taker holds less of the taker asset than the order wants"),
    ("TAKER_ALLOWANCE", "taker approved less of the taker asset than the order wants"),
    ("NO_HEDGER", "the hedger that a funded order needs is not there (ModuleMissing)"),
    ("LOCKED", "settlement is inside another fill (Reentered)"),
    ("FILL_TOO_SMALL", "smaller than the order's smallest fill (FillTooSmall)"),
    ("DECAYED_AWAY", "decay has left nothing of the making amount (ZeroAmount)"),
    ("NO_BAND", "the oracle band is on and the pair has none (NoBand)"),
    ("OUTSIDE_BAND", "worse for the maker than the oracle band allows (OutsideBand)"),
    (
        "FEED",
        "a price feed is missing, stale or answers nonsense (NoFeed, FeedFailed, BadAnswer, StaleAnswer)",
    ),
    ("NO_CAP", "caps are on and the maker asset has none (NoCap)"),
    ("BLOCK_CAP", "over the maker asset's cap of a block (BlockCapExceeded)"),
    ("WINDOW_CAP", "over the maker asset's cap of a window (WindowCapExceeded)"),
    ("HOOK_REQUIRED", "needs our preInteraction and has none (HookRequired)"),
    ("ROUTER_ALLOWANCE", "1inch's contract may take less of the maker asset than the order gives"),
    ("REFUSED", "the settlement refuses the signature for another reason"),
    ("NO_POOL", "the Uniswap V3 pool of the funding plan does not exist (NoCode)"),
)
SIGNATURE_BITS = frozenset({9, 10})
"""Bits that say the signature itself is not valid."""


def find_lens(chain_id: int, settlement: Address, record: Path | None = None) -> Address:
    """Return the lens recorded for a settlement.

    Looks into ``record``, or into the committed record of the chain and the one of the local fork. Raises
    InvalidInput where none of them is about this settlement, or the one that is holds no lens.
    """
    paths = [record] if record else [live_record_path(chain_id), fork_record_path()]
    for path in paths:
        if record is None and not path.is_file():
            continue
        deployment = load_deployment(path)
        if deployment.address("RfqSettlement").lower() != settlement.lower():
            continue
        if LENS not in deployment.contracts:
            raise InvalidInput(
                f"expected {LENS} in the deployment record {path}, found {sorted(deployment.contracts)}: checkOrder "
                "is no longer part of the settlement; run `ape run deploy lens`, or name one with --lens"
            )
        return parse_address(deployment.address(LENS), LENS)
    looked = " and ".join(str(path) for path in paths)
    raise InvalidInput(
        f"expected a deployment record of settlement {settlement} with a {LENS}, found none in {looked}; name the "
        "record with --deployment or the lens with --lens"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapState:
    """Cap of a token; amounts in base units, zero throughout where ``is_set`` is False."""

    is_set: bool
    unit: int
    per_block: int
    per_window: int
    window_s: int
    used_in_block: int
    used_in_window: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """Chainlink feed of a token: value in USD = amount * answer / 10^exponent."""

    feed: Address
    heartbeat_s: int
    exponent: int
    answered: bool
    answer: int
    updated_at_s: int
    age_s: int
    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimits:
    """What limits fills that give one token; amounts in base units, ``bands_bps`` by core token."""

    token: Address
    registered: bool
    inventory: int
    router_allowance: int
    cap: CapState
    feed: FeedState
    bands_bps: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLimits:
    """All limits of a settlement in one block; a module that is not set is the zero address."""

    block_number: int
    timestamp_s: int
    locked: bool
    band_on: bool
    caps_on: bool
    max_expiry_s: int
    hedger: Address
    router_hooks: Address
    lending_account: Address
    tokens: tuple[TokenLimits, ...]


class NoLensAnswer(ChainError):
    """The node answered, but what stands at the address is no lens of this version."""


class Lens:
    """One deployed lens, asked through a node. Raises NoLensAnswer where it does not answer as a lens."""

    def __init__(self, rpc: JsonRpc, address: Address, settlement: Address) -> None:
        """Check that the lens serves ``settlement``; raises InvalidInput where it serves another one."""
        self._rpc, self.address, self.settlement = rpc, address, settlement
        (served,) = self._read(SETTLEMENT, ("address",))
        if parse_address(served, "SETTLEMENT").lower() != settlement.lower():
            raise InvalidInput(
                f"expected a lens of settlement {settlement}, found {address}, which reads {served}; check --lens or "
                "the deployment record"
            )

    def check_order(
        self,
        order: RfqOrder,
        signature: Signature,
        *,
        extension: bytes,
        taker: Address | None,
        amount: int,
        on_router: bool = False,
    ) -> tuple[int, ...]:
        """Return the bits of ``REASONS`` that say why a fill would revert now; none where it would settle."""
        data = order.encode()
        words = tuple(int.from_bytes(data[start : start + 32], "big") for start in range(0, 256, 32))
        function = CHECK_ROUTER_ORDER if on_router else CHECK_ORDER
        arguments = (words, signature.r_bytes, signature.vs_bytes, extension, taker or ZERO_ADDRESS, amount)
        (mask,) = self._read(function, ("uint256",), *arguments)
        return tuple(bit for bit in range(256) if mask >> bit & 1)

    def limits(self) -> DeskLimits:
        """Return every limit of the desk, core tokens in the settlement's order."""
        (answer,) = self._read(LIMITS, (tuple_type(LIMITS_FIELDS),))
        values = _named(LIMITS_FIELDS, answer)
        return DeskLimits(**{**values, "tokens": tuple(_token_limits(token) for token in values["tokens"])})

    def limits_of(self, token: Address) -> TokenLimits:
        """Return the limits of one token, core or not."""
        (answer,) = self._read(LIMITS_OF, (tuple_type(TOKEN_FIELDS),), token)
        return _token_limits(answer)

    def _read(self, function: str, types: tuple[str, ...], *arguments: Any) -> tuple[Any, ...]:
        call = {"to": self.address, "data": to_hex(encode_call(function, *arguments))}
        name = function.partition("(")[0]
        try:
            answer = str(self._rpc.call("eth_call", call, "latest"))
            return decode_result(types, bytes.fromhex(answer.removeprefix("0x")))
        except (RpcError, DecodingError, ValueError) as error:
            raise NoLensAnswer(
                f"expected an answer of {LENS}.{name} from {self.address}, found {error}; is it deployed on this "
                "chain, and by this version?"
            ) from error


def reason_text(bit: int) -> str:
    """Return what a bit means, also where the lens is newer than this table."""
    return REASONS[bit][1] if bit < len(REASONS) else f"reason {bit}, which this version of pmm does not know"


def _named(fields: Fields, answer: Any) -> dict[str, Any]:
    return {
        name: parse_address(value, name) if kind == "address" else value
        for (name, _, kind), value in zip(fields, answer, strict=True)
    }


def _token_limits(answer: Any) -> TokenLimits:
    values = _named(TOKEN_FIELDS, answer)
    return TokenLimits(
        **{
            **values,
            "cap": CapState(**_named(CAP_FIELDS, values["cap"])),
            "feed": FeedState(**_named(FEED_FIELDS, values["feed"])),
            "bands_bps": tuple(values["bands_bps"]),
        }
    )

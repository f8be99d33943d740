"""The reasons of SettlementLens, and which errors each of them stands for."""

from __future__ import annotations

from enum import IntFlag

from pmm.chain.abi import selector


class Reason(IntFlag):
    """Bits of ``checkOrder``, as contracts/interfaces/ISettlementLens.sol lists them."""

    MAKER = 1 << 0
    RECEIVER = 1 << 1
    TRAITS = 1 << 2
    EXPIRED = 1 << 3
    EXPIRY_TOO_FAR = 1 << 4
    PRIVATE = 1 << 5
    MAKER_ASSET = 1 << 6
    TAKER_ASSET = 1 << 7
    SAME_ASSET = 1 << 8
    SIGNATURE = 1 << 9
    UNKNOWN_SIGNER = 1 << 10
    PAUSED = 1 << 11
    EPOCH = 1 << 12
    NONCE = 1 << 13
    EXTENSION = 1 << 14
    AMOUNT = 1 << 15
    PARTIAL = 1 << 16
    INVENTORY = 1 << 17
    TAKER_BALANCE = 1 << 18
    TAKER_ALLOWANCE = 1 << 19
    NO_HEDGER = 1 << 20
    LOCKED = 1 << 21
    FILL_TOO_SMALL = 1 << 22
    DECAYED_AWAY = 1 << 23
    NO_BAND = 1 << 24
    OUTSIDE_BAND = 1 << 25
    FEED = 1 << 26
    NO_CAP = 1 << 27
    BLOCK_CAP = 1 << 28
    WINDOW_CAP = 1 << 29
    HOOK_REQUIRED = 1 << 30
    ROUTER_ALLOWANCE = 1 << 31
    REFUSED = 1 << 32
    NO_POOL = 1 << 33


_NO_EXTENSION = ("MissingExtension", "UnexpectedExtension", "ExtensionHashMismatch", "BadExtension")

# What a fill on our own domain reverts with.
ERRORS: dict[Reason, tuple[str, ...]] = {
    Reason.MAKER: ("BadMaker",),
    Reason.RECEIVER: ("BadReceiver",),
    Reason.TRAITS: ("UnsupportedTraits",),
    Reason.EXPIRED: ("OrderExpired",),
    Reason.EXPIRY_TOO_FAR: ("ExpiryTooFar",),
    Reason.PRIVATE: ("PrivateOrder",),
    Reason.MAKER_ASSET: ("UnregisteredToken",),
    Reason.TAKER_ASSET: ("UnregisteredToken",),
    Reason.SAME_ASSET: ("SameAsset",),
    Reason.SIGNATURE: ("BadSignature", "HighS"),
    Reason.UNKNOWN_SIGNER: ("UnknownSigner",),
    Reason.PAUSED: ("SignerIsPaused",),
    Reason.EPOCH: ("WrongEpoch",),
    Reason.NONCE: ("NonceDead", "NonceOutOfRange"),
    Reason.EXTENSION: _NO_EXTENSION,
    Reason.AMOUNT: ("ZeroAmount", "AmountOverflow"),
    Reason.PARTIAL: ("PartialFill",),
    Reason.INVENTORY: ("TokenCallFailed",),
    Reason.TAKER_BALANCE: ("TokenCallFailed",),
    Reason.TAKER_ALLOWANCE: ("TokenCallFailed",),
    Reason.NO_HEDGER: ("ModuleMissing",),
    Reason.NO_POOL: ("NoCode",),
    Reason.LOCKED: ("Reentered",),
    Reason.FILL_TOO_SMALL: ("FillTooSmall",),
    Reason.DECAYED_AWAY: ("ZeroAmount",),
    Reason.NO_BAND: ("NoBand",),
    Reason.OUTSIDE_BAND: ("OutsideBand",),
    Reason.FEED: ("NoFeed", "FeedFailed", "BadAnswer", "StaleAnswer"),
    Reason.NO_CAP: ("NoCap",),
    Reason.BLOCK_CAP: ("BlockCapExceeded",),
    Reason.WINDOW_CAP: ("WindowCapExceeded",),
}

# What isValidSignature reverts with where it is not the same error, or none of its own.
SIGNATURE_ERRORS: dict[Reason, tuple[str, ...]] = {
    **ERRORS,
    Reason.MAKER: ("DigestMismatch",),
    Reason.RECEIVER: ("DigestMismatch",),
    # A dirty word does not survive the packing.
    Reason.MAKER_ASSET: ("UnregisteredToken", "DigestMismatch"),
    Reason.TAKER_ASSET: ("UnregisteredToken", "DigestMismatch"),
    Reason.EXTENSION: (*_NO_EXTENSION, "ForeignHook"),
    Reason.HOOK_REQUIRED: ("HookRequired",),
}


def one_inch_error(name: str) -> str:
    """How `decode_error` shows an error of 1inch's contract."""
    return "0x" + selector(f"{name}()").hex()


# What 1inch's contract reverts with for what it asks itself, or hears from the hooks.
ROUTER_ERRORS: dict[Reason, tuple[str, ...]] = {
    Reason.NONCE: (one_inch_error("BitInvalidatedOrder"),),
    Reason.EXPIRED: (one_inch_error("OrderExpired"),),
    Reason.PRIVATE: (one_inch_error("PrivateOrder"), "PrivateOrder"),
    Reason.PARTIAL: (one_inch_error("PartialFillNotAllowed"),),
    # Of a making amount of zero it says that nothing is left.
    Reason.AMOUNT: (one_inch_error("SwapWithZeroAmount"), one_inch_error("InvalidatedOrder"), "Panic"),
    Reason.EXTENSION: (
        one_inch_error("MissingOrderExtension"),
        one_inch_error("UnexpectedOrderExtension"),
        one_inch_error("InvalidExtensionHash"),
        "BadPayloadLength",
        "UnknownFlags",
        "UnknownSource",
        "UnknownAction",
        "BadGasFloor",
    ),
    Reason.INVENTORY: (one_inch_error("TransferFromMakerToTakerFailed"), "NoLendingAccount"),
    Reason.ROUTER_ALLOWANCE: (one_inch_error("TransferFromMakerToTakerFailed"),),
    Reason.TAKER_BALANCE: (one_inch_error("TransferFromTakerToMakerFailed"),),
    Reason.TAKER_ALLOWANCE: (one_inch_error("TransferFromTakerToMakerFailed"),),
    Reason.FILL_TOO_SMALL: ("FillTooSmall",),
    Reason.NO_CAP: ("NoCap",),
    Reason.BLOCK_CAP: ("BlockCapExceeded",),
    Reason.WINDOW_CAP: ("WindowCapExceeded",),
}


def errors_of(reasons: Reason, table: dict[Reason, tuple[str, ...]]) -> set[str]:
    """Every error that one of the reasons may show as."""
    return {name for reason in reasons for name in table.get(reason, ())}

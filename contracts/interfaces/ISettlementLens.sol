// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "./IRfqSettlement.sol";

/// @notice One lane word, decoded.
struct LaneState {
    bool authorised;
    bool paused;
    /// Switch of the oracle band and of the caps, as this lane carries them.
    bool bandOn;
    bool capsOn;
    /// Bit i set: core token i is not registered.
    uint8 blockedTokens;
    /// Bit i set: nonce base + i is dead.
    uint160 window;
    uint256 base;
    uint256 epoch;
    /// How many seconds ahead an order may expire.
    uint256 maxExpiry;
}

/// @notice Cap of a maker asset as a fill in this block would find it. Amounts in base units of the token.
struct CapState {
    /// False: with caps switched on every fill that gives this token is refused.
    bool isSet;
    /// The settlement counts in multiples of this, caps rounded down, making amounts up.
    uint256 unit;
    uint256 perBlock;
    uint256 perWindow;
    uint256 windowSeconds;
    uint256 usedInBlock;
    /// What the current and the previous fixed window used together, which is what the cap is held against.
    uint256 usedInWindow;
    /// Largest making amount that still passes both.
    uint256 left;
}

/// @notice Chainlink feed of a token and what it says now.
struct FeedState {
    /// Zero when none is set.
    address feed;
    /// Whether the feed answered at all, in full and within 500,000 gas.
    bool answered;
    /// Whether the settlement accepts the answer: positive, at most 2^112, not older than the heartbeat.
    bool healthy;
    uint256 heartbeatSeconds;
    /// Decimals of the token plus decimals of the feed: value = amount * answer / 10^exponent, in the currency
    /// that all feeds share.
    uint256 exponent;
    int256 answer;
    uint256 updatedAt;
    /// Seconds since `updatedAt`; wraps to an astronomical number when that lies in the future.
    uint256 ageSeconds;
}

/// @notice Everything that limits fills which give one token.
struct TokenLimits {
    address token;
    bool registered;
    /// Balances and allowance in base units; zero too when the token does not answer.
    uint256 inventory;
    uint256 routerAllowance;
    CapState cap;
    FeedState feed;
    /// Band of the pair with core token i in bps, as `band` gives it.
    uint256[] bandsBps;
}

/// @notice All limits in one answer.
struct Limits {
    uint256 blockNumber;
    uint256 timestamp;
    uint256 maxExpiry;
    /// Zero while not set.
    address hedger;
    address routerHooks;
    address lendingAccount;
    bool bandOn;
    bool capsOn;
    /// Whether a fill is running.
    bool locked;
    /// Core tokens in the settlement's order.
    TokenLimits[] tokens;
}

/// @title Views of one RfqSettlement that need no place in it
/// @notice No state, no role, no funds: it reads the words of the settlement it was deployed for and decodes
/// them. Nothing trusts it; the settlement decides for itself. To stop it, stop asking it.
///
/// Reasons. `checkOrder` and `checkRouterOrder` answer with a bit for each thing that would make a fill
/// revert in this block; zero means it would settle. Bits are only ever appended.
///
/// | bit | name | a fill reverts with |
/// |---|---|---|
/// | 0 | MAKER | `BadMaker` |
/// | 1 | RECEIVER | `BadReceiver`; 1inch: `DigestMismatch` |
/// | 2 | TRAITS | `UnsupportedTraits` |
/// | 3 | EXPIRED | `OrderExpired` |
/// | 4 | EXPIRY_TOO_FAR | `ExpiryTooFar` |
/// | 5 | PRIVATE | `PrivateOrder` |
/// | 6 | MAKER_ASSET | `UnregisteredToken` |
/// | 7 | TAKER_ASSET | `UnregisteredToken` |
/// | 8 | SAME_ASSET | `SameAsset` |
/// | 9 | SIGNATURE | `BadSignature`, `HighS` |
/// | 10 | UNKNOWN_SIGNER | `UnknownSigner` |
/// | 11 | PAUSED | `SignerIsPaused` |
/// | 12 | EPOCH | `WrongEpoch` |
/// | 13 | NONCE | `NonceDead`, `NonceOutOfRange`; 1inch: `BitInvalidatedOrder` |
/// | 14 | EXTENSION | `MissingExtension`, `UnexpectedExtension`, `ExtensionHashMismatch`, `BadExtension`; 1inch: those, `ForeignHook` and the errors of the hooks' payloads |
/// | 15 | AMOUNT | `ZeroAmount`, `AmountOverflow` |
/// | 16 | PARTIAL | `PartialFill` |
/// | 17 | INVENTORY | the token's own error: the settlement holds less of the maker asset (not for funded orders) |
/// | 18 | TAKER_BALANCE | the token's own error: the taker holds less of the taker asset (it may still pay WETH in ETH) |
/// | 19 | TAKER_ALLOWANCE | the token's own error: the taker approved less (it may still use Permit, Permit2 or ETH) |
/// | 20 | NO_HEDGER | `ModuleMissing` (funded orders, but for flash swaps on one pool) |
/// | 21 | LOCKED | `Reentered`: asked from inside a fill |
/// | 22 | FILL_TOO_SMALL | `FillTooSmall` |
/// | 23 | DECAYED_AWAY | `ZeroAmount`: decay left nothing of the making amount |
/// | 24 | NO_BAND | `NoBand`: the oracle band is on and the pair has none |
/// | 25 | OUTSIDE_BAND | `OutsideBand` |
/// | 26 | FEED | `NoFeed`, `FeedFailed`, `BadAnswer`, `StaleAnswer` of either asset |
/// | 27 | NO_CAP | `NoCap`: the caps are on and the maker asset has none |
/// | 28 | BLOCK_CAP | `BlockCapExceeded` |
/// | 29 | WINDOW_CAP | `WindowCapExceeded` |
/// | 30 | HOOK_REQUIRED | `HookRequired` (1inch) |
/// | 31 | ROUTER_ALLOWANCE | the token's own error: 1inch's contract may take less of the maker asset from the settlement |
/// | 32 | REFUSED | `isValidSignature` refuses for none of the reasons above (1inch) |
/// | 33 | NO_POOL | the pool of a flash swap does not exist (funded orders) |
///
/// What hangs on an asset (amounts against balances, caps, band) is not asked while that asset is not
/// registered; what hangs on a lane not while its signer is unknown, but the caps and the band, which then
/// are asked under the settlement's policy. Amounts that overflow or are zero stand for everything that
/// hangs on amounts. A token or a feed that reverts is a reason, never a revert.
interface ISettlementLens {
    /// @notice Thrown by the constructor when the settlement holds no code.
    error NoCode(address account);

    // solhint-disable-next-line func-name-mixedcase
    function SETTLEMENT() external view returns (address);

    // ------------------------------------------------------------------ orders

    /// @notice Every reason at once why a fill on the settlement's own domain would revert in this block.
    /// @dev Caps of a block are judged in the block of the call: `eth_call` at "latest" sees the newest block's
    /// use, which is gone one block later. Not foreseen: what the taker's own call adds (threshold, target,
    /// interaction, ETH), what a hedge costs, tokens that refuse a transfer in spite of balance and allowance.
    /// @param extension the order's extension, empty for a plain order
    /// @param taker whoever would call; zero skips the checks of its balance and allowance
    /// @param amount making amount of the fill, in base units, clipped to what the order gives now
    /// @return reasons bit mask, see above
    function checkOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension,
        address taker,
        uint256 amount
    ) external view returns (uint256 reasons);

    /// @notice The same for a fill on 1inch's contract: `r` and `vs` sign the digest under 1inch's domain.
    /// @dev Adds what 1inch itself asks (its nonce bitmap, its allowances on both sides) and, last, the
    /// settlement's own `isValidSignature`. Balance and allowance of the taker are those towards 1inch's
    /// contract. An order whose hook fetches inventory is not held against the balance of the settlement, and
    /// whether the lending account can provide, or a required action after the fill succeed, is not foreseen.
    function checkRouterOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension,
        address taker,
        uint256 amount
    ) external view returns (uint256 reasons);

    /// @notice Names of the set bits, lowest first; UNNAMED for a bit that has none.
    function reasonNames(uint256 reasons) external pure returns (string[] memory);

    /// @notice Amounts of a fill at the time of this block, by the settlement's own arithmetic.
    /// @dev Reverts with AmountOverflow where a fill would.
    /// @param amount making amount asked for, base units
    /// @return making making amount of the fill
    /// @return taking taking amount of the fill, rounded up
    /// @return effective what the order gives at most, after decay
    /// @return minimum least making amount of a partial fill, rounded up; zero for a whole one
    function fillAmounts(
        uint256 orderMaking,
        uint256 orderTaking,
        uint256 makerTraits,
        uint256 amount
    ) external view returns (uint256 making, uint256 taking, uint256 effective, uint256 minimum);

    /// @notice Reads the hooks of an order on 1inch's contract as the settlement and RouterHooks read them.
    /// @dev Reverts with their errors (BadExtension, ForeignHook, BadPayloadLength, UnknownFlags and the like)
    /// where they would refuse the extension. The salt is not looked at.
    /// @return onlyTaker the only taker, zero for anyone
    /// @return source of just-in-time inventory, 0 for none; table in HOOKS.md
    function readHooks(
        uint256 makerTraits,
        bytes calldata extension
    ) external view returns (address onlyTaker, uint256 source);

    // ------------------------------------------------------------------ signers

    /// @notice One lane of a signer; all zero when it was never initialised.
    function lane(address signer, uint40 lane_) external view returns (LaneState memory);
    /// @notice How many lanes the signer was given, 0 to 64.
    function laneCount(address signer) external view returns (uint256);
    /// @notice Epochs of all lanes of a signer, lane 0 first.
    function epochs(address signer) external view returns (uint256[] memory);

    // ------------------------------------------------------------------ limits

    function cap(address token) external view returns (CapState memory);
    function feed(address token) external view returns (FeedState memory);
    /// @notice By how much a fill between the two tokens may fall short of the feeds' value, in bps; zero: no
    /// fill at all while the band is on; 2^256 - 1: no limit.
    function band(address tokenA, address tokenB) external view returns (uint256 bandBps);
    /// @notice Limits of one token, core or not.
    function limitsOf(address token) external view returns (TokenLimits memory);
    /// @notice Limits of all core tokens, switches and modules in one call.
    function limits() external view returns (Limits memory);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementErrors} from "./ISettlementErrors.sol";
import {ISettlementEvents} from "./ISettlementEvents.sol";

/// @notice Order of 1inch Limit Order Protocol v4, eight words, hashed exactly as they stand in calldata.
/// @dev The address fields are uint256 because 1inch's selectors are computed so; the EIP-712 type string
/// says `address`. Words with dirty upper bits are refused here.
struct Order {
    uint256 salt;
    uint256 maker;
    uint256 receiver;
    uint256 makerAsset;
    uint256 takerAsset;
    uint256 makingAmount;
    uint256 takingAmount;
    uint256 makerTraits;
}

/// @notice One lane word, decoded.
struct Lane {
    bool authorised;
    bool paused;
    uint32 epoch;
    uint32 base;
    uint160 window;
    uint16 maxExpiry;
    uint8 blockedTokens;
}

/// @notice Everything the owner decides, but the lanes.
struct Settings {
    address owner;
    address pendingOwner;
    address guardian;
    address operator;
    address hedger;
    address weth;
    address oneInchRouter;
    uint256 maxExpiry;
    address[] coreTokens;
    /// Signers that are neither revoked nor unknown.
    address[] signers;
}

/// @title Settlement of signed RFQ orders from one maker's inventory
/// @notice Bit tables, roles and invariants stand in contracts/README.md.
/// @dev solc dispatches linearly in the order of selectors, 22 gas per function. Where two names or argument
/// types are equally good, the one whose selector sorts after fillOrder's is taken.
interface IRfqSettlement is ISettlementErrors, ISettlementEvents {
    // ------------------------------------------------------------------ fills

    /// @notice Fills a plain order: no extension, maker asset to the caller, taker asset from the caller.
    /// @dev Selector 0x9fda64bd and calldata equal 1inch's. With msg.value the taker pays ETH for a WETH
    /// taker asset and gets the excess back.
    /// @param r first half of the EIP-2098 signature of a registered signer
    /// @param vs second half; s must lie in the lower half of the curve order
    /// @param amount taking amount, or making amount if bit 255 of `takerTraits` is set (clipped to the
    /// order)
    /// @param takerTraits as 1inch; the threshold guards the other amount
    function fillOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits
    ) external payable returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Fills an order with a receiver, an extension or an interaction of the taker's.
    /// @dev Selector 0xf497df75. An order that carries a funding plan is refused with FundedOnly.
    /// @param args `[target 20 bytes if bit 251] || extension || interaction`, no byte more
    function fillOrderArgs(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external payable returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Fills an order whose maker asset the hedger supplies out of flash funds, as the signed plan
    /// says.
    /// @dev Not payable and never unwraps. The receiver must not be the settlement or the hedger.
    /// @param args `[target 20 bytes if bit 251] || extension`, no byte more
    function fillOrderFunded(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Pulls the taker leg of the open ticket to the hedger; hedger only, once per ticket.
    function collect() external;

    // ------------------------------------------------------------------ maker on 1inch

    /// @notice Answers 1inch's contract whether an order of ours is good, from the whole order, not its
    /// digest alone.
    /// @dev Reverts with the same errors as a fill when it is not.
    /// @param hash digest under 1inch's domain
    /// @param signature 232 packed bytes: salt, makerAsset (20), takerAsset (20), makingAmount, takingAmount,
    /// makerTraits, r, vs
    /// @return magicValue 0x1626ba7e
    function isValidSignature(
        bytes32 hash,
        bytes calldata signature
    ) external view returns (bytes4 magicValue);

    /// @notice Sets the finite allowance of the 1inch contract; the guardian may set zero only.
    function setRouterAllowance(address token, uint128 amount) external;

    /// @notice Kills the nonce of one order of ours on 1inch's contract. Owner or guardian.
    function cancelOnRouter(uint256 makerTraits, bytes32 orderHash) external;

    /// @notice Kills the nonce in `makerTraits` and those in `mask` (same block of 256) on 1inch's contract.
    function cancelMaskOnRouter(uint256 makerTraits, uint256 mask) external;

    // ------------------------------------------------------------------ signers and lanes

    /// @notice Authorises the signer on lanes 0 to `count` - 1, at most 64. Owner only; lanes are never taken
    /// away.
    function initLanes(address signer, uint256 count) external;

    // The four cancel calls are open to owner, guardian, and the signer itself.

    /// @notice Stops every fill of the signer's orders on both venues. Owner or guardian.
    function pauseSigner(address signer) external;

    /// @notice Pauses every active signer. Owner or guardian.
    function pauseSigners() external;

    /// @notice Lets a paused signer's orders be filled again. Owner only.
    function resumeSigner(address signer) external;

    /// @notice Withdraws the authorisation of a signer and voids all it signed; `initLanes` brings it back.
    function revokeSigner(address signer) external;

    /// @notice Raises the epoch of all lanes of the signer: every order signed before is void on both venues.
    function cancelAllLanes(address signer) external;

    /// @notice Raises the epoch of one lane.
    function cancelLane(address signer, uint40 lane_) external;

    /// @notice Voids one nonce as a fill would: beyond the window it slides it. No-op when it is already
    /// dead.
    /// @param position signer << 80 | lane << 40 | nonce
    function cancelNonce(uint240 position) external;

    /// @notice Voids the nonce of `position` plus i for every bit i of `mask`, sliding the window if the
    /// highest of them lies beyond it.
    /// @param position signer << 80 | lane << 40 | first nonce
    function cancelWindow(uint240 position, uint256 mask) external;

    // ------------------------------------------------------------------ owner

    /// @notice Starts a change of owner; the new one must accept.
    function transferOwnership(address newOwner) external;
    function acceptOwnership() external;
    function setGuardian(address newGuardian) external;
    function setOperator(address newOperator) external;
    /// @notice Sets the hedger, once and for ever.
    function setHedger(address newHedger) external;
    /// @notice Lets a token be traded. Fee-on-transfer, rebasing and callback tokens must not be registered.
    function registerToken(address token) external;
    /// @notice Stops every fill that involves the token, on both venues. Owner or guardian.
    function unregisterToken(address token) external;
    /// @notice Sets how many seconds ahead an order may expire, 1 to 65,535.
    function setMaxExpiry(uint64 seconds_) external;
    /// @notice Moves inventory out; token zero means ETH.
    function withdraw(address token, address to, uint256 amount) external;

    // ------------------------------------------------------------------ views

    /// @notice Digest of an order under this contract's domain.
    function hashOrder(Order calldata order) external view returns (bytes32);
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// @notice Every reason, at once, why a fill would revert now; zero means it would settle.
    /// @param extension the order's extension, empty for a plain order
    /// @param taker whoever would call; zero skips the checks of its balance and allowance
    /// @param amount making amount of the fill, clipped to the order
    /// @return reasons bit mask, table in contracts/README.md
    function checkOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension,
        address taker,
        uint256 amount
    ) external view returns (uint256 reasons);
    function lane(address signer, uint40 lane_) external view returns (Lane memory);
    function laneCount(address signer) external view returns (uint256);
    function epochOf(address signer, uint40 lane_) external view returns (uint256);
    function isRegistered(address token) external view returns (bool);
    function coreTokens() external view returns (address[] memory);
    function maxExpiry() external view returns (uint256);
    /// @notice Roles, signers and settings in one call.
    function settings() external view returns (Settings memory);
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function hedger() external view returns (address);
    function weth() external view returns (address);
    function oneInchRouter() external view returns (address);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModuleKind} from "./IRfqSettlement.sol";

/// @title Events of RfqSettlement
interface ISettlementEvents {
    /// @notice An order was settled; it can never be filled again, whatever part of it was left.
    event OrderFilled(
        bytes32 indexed orderHash,
        address indexed taker,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount
    );
    event MovedToLending(address indexed token, uint256 amount);
    event InventorySwapped(
        address indexed tokenIn,
        address indexed tokenOut,
        uint256 amountIn,
        uint256 amountOut
    );

    event OwnershipTransferStarted(address indexed owner, address indexed pendingOwner);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event GuardianSet(address indexed guardian);
    event OperatorSet(address indexed operator);
    event ModuleSet(ModuleKind indexed kind, address module);
    /// @notice Bit 0: oracle band, bit 1: caps.
    event GuardsSet(uint256 guards);
    event CapSet(address indexed token, uint256 perBlock, uint256 perWindow, uint256 windowSeconds);
    event FeedSet(address indexed token, address feed, uint256 heartbeatSeconds);
    /// @notice In units of 5 bps; 0 no fill, 255 no limit.
    event BandSet(address indexed tokenA, address indexed tokenB, uint256 units);
    event MaxExpirySet(uint256 seconds_);
    event TokenRegistered(address indexed token);
    event TokenUnregistered(address indexed token);
    event RouterAllowanceSet(address indexed token, uint256 amount);
    event Withdrawn(address indexed token, address indexed to, uint256 amount);

    /// @notice The signer may sign on lanes 0 to `lanes` - 1.
    event LanesInitialised(address indexed signer, uint256 lanes);
    event SignerPaused(address indexed signer);
    event SignerResumed(address indexed signer);
    /// @notice The signer lost its authorisation and every signature it ever gave is void.
    event SignerRevoked(address indexed signer);
    /// @notice Every signature of the signer given before is void on both venues.
    event AllLanesCancelled(address indexed signer);
    /// @notice Every signature on the lane that carries an epoch below `epoch` is void on both venues.
    event LaneCancelled(address indexed signer, uint256 lane, uint256 epoch);
    /// @notice The nonce at `position` (signer << 80 | lane << 40 | nonce) is void, and all the window left
    /// behind.
    event NonceCancelled(uint256 position);
    /// @notice So are the nonces i above the one at `position` for every bit i of `mask`.
    event WindowCancelled(uint256 position, uint256 mask);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "./IRfqSettlement.sol";

/// @title Callback of a taker who fills by `fillOrderArgs` with an interaction
/// @notice Same selector (0xadf38ba1) and arguments as 1inch's, so one resolver serves both venues.
interface ITakerInteraction {
    /// @notice Called after the maker asset was delivered and before the taker asset is pulled.
    /// @param remainingMakingAmount making amount open before this fill: always the order's whole making
    /// amount
    /// @param extraData the interaction without its leading 20 address bytes
    function takerInteraction(
        Order calldata order,
        bytes calldata extension,
        bytes32 orderHash,
        address taker,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 remainingMakingAmount,
        bytes calldata extraData
    ) external;
}

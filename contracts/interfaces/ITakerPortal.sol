// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "./IRfqSettlement.sol";

/// @notice One entry of `fillOrders`: the arguments of `fillOrderArgs`, and the ETH lent to it.
struct Fill {
    Order order;
    bytes32 r;
    bytes32 vs;
    uint256 amount;
    uint256 takerTraits;
    uint256 value;
    bytes args;
}

/// @title Fills with a permit, and several fills in one call
/// @notice Layouts, what each error means and whom to trust: contracts/PORTAL.md. Whoever calls is the taker: of
/// private orders, of the taker leg, of the event.
interface ITakerPortal {
    /// @notice Emitted when an optional fill failed; nothing of it moved, and its ETH goes back to the caller.
    /// @param index place of the fill in the call
    /// @param reason what the settlement reverted with
    event FillFailed(bytes32 indexed orderHash, address indexed taker, uint256 index, bytes reason);

    /// @notice Thrown when an account that must hold code holds none: the settlement of the constructor, or what a
    /// permit is for.
    error NoCode(address account);
    /// @notice Thrown when the portal is called from inside one of its own calls.
    error Reentered();
    /// @notice Thrown when ETH arrives from anyone but the settlement, or from it while no call is running.
    error UnexpectedEth(address sender);
    /// @notice Thrown when the caller refuses the ETH that is left at the end.
    error EthTransferFailed(address to);

    // ---- permits
    /// @notice Thrown when the first byte of the permit is not 1, 2 or 3, or there is none (0).
    error UnknownPermit(uint256 kind);
    /// @notice Thrown when the permit has not the length that its kind calls for.
    error BadPermitLength(uint256 length, uint256 expected);
    /// @notice Thrown when the taker asset, to which the permit would go, is not registered at the settlement.
    error UnregisteredToken(uint256 token);

    // ---- batches
    /// @notice Thrown when there is no fill, or more than 256.
    error BadBatchSize(uint256 size);
    /// @notice Thrown when a fill is lent more than what the fills before it left of msg.value.
    error ValueExhausted(uint256 index, uint256 value, uint256 left);
    /// @notice Thrown when an optional fill failed and had used up three quarters of the gas there was: whether for
    /// want of gas, nobody can tell.
    error FillStarved(uint256 index, uint256 gasBefore, uint256 gasAfter);

    /// @notice Uses a permit of the caller's for the taker asset, then fills as `fillOrderArgs` does.
    /// @dev Owner is the caller, spender the settlement, token the taker asset. A permit that fails is ignored,
    /// because anybody may have used it before us: the pull of the taker asset decides. Not payable.
    /// @param args `[target 20 bytes if bit 251] || extension || interaction`, no byte more
    /// @param permit kind byte and words, table in contracts/PORTAL.md
    function fillOrderPermit(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args,
        bytes calldata permit
    ) external returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Fills up to 256 orders in their order. A fill that fails reverts the call with its own error, unless
    /// its bit of `optional` is set.
    /// @dev What the fills leave of msg.value is sent to the caller at the end. The values of the fills may not add
    /// up to more than msg.value, whatever comes back on the way.
    /// @param optional bit i set: fill i may fail alone; bits beyond the fills say nothing
    /// @return makingAmounts of each fill, zero where it failed
    /// @return takingAmounts of each fill, zero where it failed
    function fillOrders(
        Fill[] calldata fills,
        uint256 optional
    ) external payable returns (uint256[] memory makingAmounts, uint256[] memory takingAmounts);

    /// @notice The settlement whose orders are filled.
    // solhint-disable-next-line func-name-mixedcase
    function SETTLEMENT() external view returns (address);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAtomicHedger} from "../interfaces/IAtomicHedger.sol";
import {IRfqSettlement, Order} from "../interfaces/IRfqSettlement.sol";
import {FlashSwapLeg} from "./FlashSwapLeg.sol";
import {PoolLib} from "./PoolLib.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title Funded legs: which way a plan goes, and the way through the hedger
/// @dev The hedger is judged by what moved: the receiver's balance, and the taker's payment, which this contract
/// itself splits between the payee of the hedge and the inventory. It can touch nothing else: it holds no
/// allowance, and no other function answers it.
abstract contract FundedLeg is FlashSwapLeg {
    using PoolLib for uint256;

    /// @inheritdoc IRfqSettlement
    function collect(address payee, uint256 amount) external override {
        _payOut(payee, amount);
    }

    /// @param funding the signed plan word and the route behind it
    /// @param receiver whoever gets the maker asset; its balance must be no part of the inventory's or the
    /// hedger's
    function _moveFunded(
        Order calldata order,
        bytes32 orderHash,
        uint256 makingAmount,
        uint256 takingAmount,
        address receiver,
        address taker,
        bytes calldata funding
    ) internal {
        uint256 plan;
        assembly ("memory-safe") {
            // The whole first word: `decodeExtension` gives a plan of 32 bytes at least.
            plan := calldataload(funding.offset)
        }
        bool onePool = plan.isOnePool(funding.length);
        address holder =
            onePool ? PoolLib.poolOf(order.makerAsset, order.takerAsset, plan) : _deployedHedger();
        if (receiver == address(this) || receiver == holder) revert BadTarget(receiver);
        _openTicket(holder, taker, order.takerAsset, takingAmount, uint128(plan));
        if (onePool) _buyFrom(holder, receiver, order.makerAsset, order.takerAsset, makingAmount);
        else _fund(holder, order, receiver, makingAmount, takingAmount, plan, funding);
        if (_ticketHolder != address(0)) revert NotCollected(orderHash);
    }

    /// @dev Lets the hedger work under the ticket, and judges it by what the receiver got.
    function _fund(
        address hedger_,
        Order calldata order,
        address receiver,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan,
        bytes calldata funding
    ) private {
        uint256 makerAsset = order.makerAsset;
        uint256 expected = TokenLib.balanceOf(address(uint160(makerAsset)), receiver) + makingAmount;

        // fundFill(receiver, makerAsset, takerAsset, makingAmount, takingAmount, plan), with the route if there is one.
        bytes4 selector =
            funding.length == 32 ? IAtomicHedger.fundFill.selector : IAtomicHedger.fundFillByRoute.selector;
        uint256 takerAsset = order.takerAsset;
        uint256 data;
        uint256 size;
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), receiver)
            mstore(add(data, 0x24), makerAsset)
            mstore(add(data, 0x44), takerAsset)
            mstore(add(data, 0x64), makingAmount)
            mstore(add(data, 0x84), takingAmount)
            mstore(add(data, 0xa4), plan)
            mstore(add(data, 0xc4), 0xe0)
            size := sub(funding.length, 0x20)
            mstore(add(data, 0xe4), size)
            calldatacopy(add(data, 0x104), add(funding.offset, 0x20), size)
            size := add(0x104, and(add(size, 0x1f), not(0x1f)))
        }
        TokenLib.callFrom(hedger_, data, size);

        uint256 found = TokenLib.balanceOf(address(uint160(makerAsset)), receiver);
        if (found != expected) revert WrongDelivery(expected, found);
    }
}

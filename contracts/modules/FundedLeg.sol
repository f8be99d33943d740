// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAtomicHedger} from "../interfaces/IAtomicHedger.sol";
import {IRfqSettlement, ModuleKind, Order} from "../interfaces/IRfqSettlement.sol";
import {DeskModules} from "./DeskModules.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title Legs through the hedger
/// @dev The hedger is judged by what moved: the receiver's balance, and the taker's payment, which this contract
/// itself splits between the payee of the hedge and the inventory. It can touch nothing else: it holds no
/// allowance, and no other function answers it.
abstract contract FundedLeg is DeskModules {
    /// @dev The ticket. It is open while its taker is not zero; `collect` closes it.
    address private transient _ticketTaker;
    uint256 private transient _ticketAsset;
    uint256 private transient _ticketAmount;
    uint256 private transient _ticketMinimum;

    /// @inheritdoc IRfqSettlement
    function collect(address payee, uint256 amount) external override {
        if (msg.sender != hedger) revert Unauthorised(msg.sender);
        address taker = _ticketTaker;
        if (taker == address(0)) revert NoTicket();
        _ticketTaker = address(0);

        // What the hedge costs goes to the payee, the rest to the inventory.
        uint256 takingAmount = _ticketAmount;
        uint256 minimum = _ticketMinimum;
        if (amount > takingAmount || takingAmount - amount < minimum)
            revert ProfitTooLow(takingAmount, amount, minimum);
        uint256 takerAsset = _ticketAsset;
        TokenLib.pull(takerAsset, taker, payee, amount);
        unchecked {
            if (takingAmount != amount)
                TokenLib.pull(takerAsset, taker, address(this), takingAmount - amount);
        }
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
        // 1. The receiver.
        address hedger_ = hedger;
        if (hedger_ == address(0)) revert ModuleMissing(ModuleKind.HEDGER);
        if (receiver == address(this) || receiver == hedger_) revert BadTarget(receiver);

        // 2. Note its balance, then let the hedger work under the ticket.
        address makerAsset = address(uint160(order.makerAsset));
        uint256 expected = TokenLib.balanceOf(makerAsset, receiver) + makingAmount;
        uint256 plan;
        assembly ("memory-safe") {
            // The whole first word: `decodeExtension` gives a plan of 32 bytes at least.
            plan := calldataload(funding.offset)
        }
        _ticketTaker = taker;
        _ticketAsset = order.takerAsset;
        _ticketAmount = takingAmount;
        _ticketMinimum = uint128(plan);
        _fund(
            IAtomicHedger(hedger_),
            receiver,
            makerAsset,
            address(uint160(order.takerAsset)),
            makingAmount,
            takingAmount,
            plan,
            funding
        );

        // 3. Judge by what moved.
        if (_ticketTaker != address(0)) revert NotCollected(orderHash);
        uint256 found = TokenLib.balanceOf(makerAsset, receiver);
        if (found != expected) revert WrongDelivery(expected, found);
    }

    function _fund(
        IAtomicHedger hedger_,
        address receiver,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan,
        bytes calldata funding
    ) private {
        if (funding.length == 32) {
            hedger_.fundFill(receiver, makerAsset, takerAsset, makingAmount, takingAmount, plan);
        } else {
            hedger_.fundFillByRoute(
                receiver,
                makerAsset,
                takerAsset,
                makingAmount,
                takingAmount,
                plan,
                funding[32:]
            );
        }
    }
}

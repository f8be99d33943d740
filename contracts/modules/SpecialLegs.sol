// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAtomicHedger} from "../interfaces/IAtomicHedger.sol";
import {IRfqSettlement, Order} from "../interfaces/IRfqSettlement.sol";
import {ITakerInteraction} from "../interfaces/ITakerInteraction.sol";
import {Admission} from "./Admission.sol";
import {OrderLib} from "./OrderLib.sol";
import {IWeth, TokenLib} from "./TokenLib.sol";

/// @title Legs other than a plain transfer each way: another receiver, ETH, the taker's interaction, the
/// hedger
/// @dev The hedger is judged by balances alone: what the receiver got, what the inventory gained, what it did
/// not lose.
abstract contract SpecialLegs is Admission {
    struct Balances {
        uint256 receiverMakerAsset;
        uint256 ownMakerAsset;
        uint256 ownTakerAsset;
    }

    address private constant _PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;

    address public immutable override weth;
    address public override hedger;

    /// @dev The ticket. It is open while its taker is not zero; `collect` closes it.
    address private transient _ticketTaker;
    address private transient _ticketAsset;
    uint256 private transient _ticketAmount;

    constructor(address weth_) {
        if (weth_.code.length == 0) revert NoCode(weth_);
        weth = weth_;
    }

    /// @dev ETH comes from unwrapping only; the taker's comes with a fill.
    receive() external payable {
        if (msg.sender != weth) revert UnexpectedEth(msg.sender);
    }

    /// @inheritdoc IRfqSettlement
    function setHedger(address newHedger) external override onlyOwner {
        if (hedger != address(0)) revert HedgerAlreadySet(hedger);
        if (newHedger.code.length == 0) revert NoCode(newHedger);
        // It can never be changed: one that serves another settlement would end funded fills for good.
        address served = IAtomicHedger(newHedger).SETTLEMENT();
        if (served != address(this)) revert ForeignHedger(newHedger, served);
        hedger = newHedger;
        emit HedgerSet(newHedger);
    }

    /// @inheritdoc IRfqSettlement
    function collect() external override {
        if (msg.sender != hedger) revert Unauthorised(msg.sender);
        address taker = _ticketTaker;
        if (taker == address(0)) revert NoTicket();
        _ticketTaker = address(0);
        TokenLib.pull(uint160(_ticketAsset), taker, msg.sender, _ticketAmount);
    }

    /// @notice Legs out of the inventory, with whatever the call asked for.
    function _moveSpecial(
        Order calldata order,
        bytes32 orderHash,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 takerTraits,
        bytes calldata args
    ) internal {
        (address target, bytes calldata extension, bytes calldata interaction) = OrderLib.parseArgs(
            takerTraits,
            args
        );

        // 1. Maker leg.
        if (takerTraits & OrderLib.UNWRAP_WETH != 0 && order.makerAsset == uint160(weth)) {
            IWeth(weth).withdraw(makingAmount);
            TokenLib.pushEth(target, makingAmount);
        } else {
            TokenLib.push(order.makerAsset, target, makingAmount);
        }

        // 2. The taker acts with what it got.
        if (interaction.length != 0)
            _interact(order, extension, orderHash, makingAmount, takingAmount, interaction);

        // 3. Taker leg.
        if (msg.value == 0) TokenLib.pull(order.takerAsset, msg.sender, address(this), takingAmount);
        else _chargeEth(order.takerAsset, takingAmount);
    }

    /// @notice Legs through the hedger.
    function _moveFunded(
        Order calldata order,
        bytes32 orderHash,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 takerTraits,
        bytes calldata args
    ) internal {
        // 1. The receiver, whose balance must be no part of the inventory's or the hedger's.
        address hedger_ = hedger;
        if (hedger_ == address(0)) revert NoHedger();
        (address receiver, bytes calldata extension, ) = OrderLib.parseArgs(takerTraits, args);
        if (receiver == address(this) || receiver == hedger_) revert BadTarget(receiver);
        (, , , uint256 plan) = OrderLib.decodeExtension(extension);

        // 2. Note the balances, then let the hedger work under the ticket.
        Balances memory before = _balances(order, receiver);
        address takerAsset = address(uint160(order.takerAsset));
        _ticketTaker = msg.sender;
        _ticketAsset = takerAsset;
        _ticketAmount = takingAmount;
        // The hedger's own figure is not used: balances are.
        // slither-disable-next-line unused-return
        IAtomicHedger(hedger_).fundFill(
            orderHash,
            msg.sender,
            receiver,
            address(uint160(order.makerAsset)),
            takerAsset,
            makingAmount,
            takingAmount,
            plan
        );
        if (_ticketTaker != address(0)) revert NotCollected(orderHash);

        // 3. Judge by what moved.
        emit FillFunded(orderHash, plan, _judge(order, receiver, makingAmount, uint128(plan), before));
    }

    function _chargeEth(uint256 token, uint256 takingAmount) private {
        if (token != uint160(weth)) revert BadMsgValue(msg.value, 0);
        if (msg.value < takingAmount) revert BadMsgValue(msg.value, takingAmount);
        IWeth(weth).deposit{value: takingAmount}();
        unchecked {
            if (msg.value != takingAmount) TokenLib.pushEth(msg.sender, msg.value - takingAmount);
        }
    }

    function _interact(
        Order calldata order,
        bytes calldata extension,
        bytes32 orderHash,
        uint256 makingAmount,
        uint256 takingAmount,
        bytes calldata interaction
    ) private {
        if (interaction.length < 20) revert BadArgs(20, interaction.length);
        address target = address(bytes20(interaction[:20]));
        bool forbidden =
            target == address(this) ||
                target == oneInchRouter ||
                target == _PERMIT2 ||
                target == weth ||
                target == hedger ||
                _isKnownToken(uint160(target));
        if (forbidden) revert BadInteractionTarget(target);
        ITakerInteraction(target).takerInteraction(
            order,
            extension,
            orderHash,
            msg.sender,
            makingAmount,
            takingAmount,
            order.makingAmount,
            interaction[20:]
        );
    }

    function _judge(
        Order calldata order,
        address receiver,
        uint256 makingAmount,
        uint256 minimumProfit,
        Balances memory before
    ) private view returns (uint256 profit) {
        Balances memory found = _balances(order, receiver);
        uint256 expected = before.receiverMakerAsset + makingAmount;
        if (found.receiverMakerAsset != expected) revert WrongDelivery(expected, found.receiverMakerAsset);
        if (found.ownMakerAsset < before.ownMakerAsset) {
            revert InventoryTouched(
                address(uint160(order.makerAsset)),
                before.ownMakerAsset,
                found.ownMakerAsset
            );
        }
        if (found.ownTakerAsset < before.ownTakerAsset) {
            revert InventoryTouched(
                address(uint160(order.takerAsset)),
                before.ownTakerAsset,
                found.ownTakerAsset
            );
        }
        unchecked {
            profit = found.ownTakerAsset - before.ownTakerAsset;
        }
        if (profit < minimumProfit) revert ProfitTooLow(profit, minimumProfit);
    }

    function _balances(Order calldata order, address receiver) private view returns (Balances memory) {
        address makerAsset = address(uint160(order.makerAsset));
        return
            Balances({
                receiverMakerAsset: TokenLib.balanceOf(makerAsset, receiver),
                ownMakerAsset: TokenLib.balanceOf(makerAsset, address(this)),
                ownTakerAsset: TokenLib.balanceOf(address(uint160(order.takerAsset)), address(this))
            });
    }
}

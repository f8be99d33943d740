// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement, Order} from "../interfaces/IRfqSettlement.sol";
import {AmountLib} from "./AmountLib.sol";
import {LaneLib} from "./LaneLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {SpecialLegs} from "./SpecialLegs.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title The three ways to fill, one path
/// @dev Order of events as 1inch's: nonce, maker leg, taker's interaction, taker leg, event. One test keeps
/// the terms that a plain order does not have off the usual path, and one test the legs that a plain call
/// does not have.
abstract contract Fills is SpecialLegs {
    using LaneLib for uint256;
    using OrderLib for Order;
    using OrderLib for uint256;

    /// @inheritdoc IRfqSettlement
    function fillOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits
    )
        external
        payable
        override
        locked
        returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash)
    {
        return _fill(order, r, vs, amount, takerTraits, msg.data[:0], 0);
    }

    /// @inheritdoc IRfqSettlement
    function fillOrderArgs(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    )
        external
        payable
        override
        locked
        returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash)
    {
        return _fill(order, r, vs, amount, takerTraits, args, _funded());
    }

    /// @inheritdoc IRfqSettlement
    function fillOrderFunded(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external override locked returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        return _fill(order, r, vs, amount, takerTraits, args, _funded());
    }

    /// @dev Asked from the selector, not passed as a constant: the compiler lays out `_fill` once for all
    /// constants it is given, which is wanted for the plain fill alone.
    function _funded() private pure returns (uint256) {
        return msg.sig == IRfqSettlement.fillOrderFunded.selector ? 1 : 0;
    }

    /// @dev One function, though a long one: each call on this path costs the taker 25 gas.
    /// @param funded 1 when the hedger is to supply the maker asset, 0 when the inventory is
    function _fill(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args,
        uint256 funded
    ) private returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        // 1. Parties, and everything a plain order and a plain call do not have.
        orderHash = hashOrder(order);
        uint256 traits = order.makerTraits;
        uint256 special =
            order.receiver | (traits & OrderLib.NOT_PLAIN) | (takerTraits & OrderLib.NOT_PLAIN_CALL);
        if (order.maker != uint160(address(this))) revert BadMaker(order.maker);
        if (special | args.length | funded != 0) _requireSpecial(order, takerTraits, args, funded != 0);

        // 2. Signature and terms, then the nonce.
        uint256 makerAsset = order.makerAsset;
        uint256 takerAsset = order.takerAsset;
        (LaneSlot storage slot, uint256 word) = _openLane(
            orderHash,
            r,
            vs,
            order.salt,
            traits,
            makerAsset,
            takerAsset
        );
        slot.word = word.burn(traits.nonce());

        // 3. Amounts.
        (makingAmount, takingAmount) = AmountLib.resolve(order, amount, takerTraits);
        if (makingAmount != order.makingAmount) _requirePartial(order, makingAmount);

        // 4. Legs.
        if ((takerTraits & OrderLib.NOT_PLAIN_LEGS) | msg.value | funded == 0) {
            TokenLib.push(makerAsset, msg.sender, makingAmount);
            TokenLib.pull(takerAsset, msg.sender, address(this), takingAmount);
        } else if (funded == 0) {
            _moveSpecial(order, orderHash, makingAmount, takingAmount, takerTraits, args);
        } else {
            _moveFunded(order, orderHash, makingAmount, takingAmount, takerTraits, args);
        }

        _emitFilled(order, orderHash, makingAmount, takingAmount);
    }

    /// @dev emit OrderFilled(orderHash, msg.sender, makerAsset, takerAsset, makingAmount, takingAmount), the two
    /// assets copied as they stand in the order: registered tokens have clean words.
    function _emitFilled(
        Order calldata order,
        bytes32 orderHash,
        uint256 makingAmount,
        uint256 takingAmount
    ) private {
        bytes32 topic = OrderFilled.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            calldatacopy(data, add(order, 0x60), 0x40)
            mstore(add(data, 0x40), makingAmount)
            mstore(add(data, 0x60), takingAmount)
            log3(data, 0x80, topic, orderHash, caller())
        }
    }

    function _requirePartial(Order calldata order, uint256 makingAmount) private pure {
        if (order.makerTraits & OrderLib.NO_PARTIAL_FILLS == 0) return;
        revert PartialFill(makingAmount, order.makingAmount);
    }

    /// @dev Terms of the order and the call that are off the usual path.
    function _requireSpecial(
        Order calldata order,
        uint256 takerTraits,
        bytes calldata args,
        bool funded
    ) private view {
        // 1. The call.
        uint256 refused = takerTraits & (funded ? OrderLib.REFUSED_FUNDED_TRAITS : OrderLib.USE_PERMIT2);
        if (refused != 0) revert UnsupportedTakerTraits(refused);
        (, bytes calldata extension, ) = OrderLib.parseArgs(takerTraits, args);

        // 2. The order.
        uint256 traits = order.makerTraits;
        if (order.receiver != 0 && order.receiver != uint160(address(this)))
            revert BadReceiver(order.receiver);
        if (traits & OrderLib.REFUSED_TRAITS != 0) revert UnsupportedTraits(traits & OrderLib.REFUSED_TRAITS);
        if (!traits.isAllowedSender(msg.sender)) revert PrivateOrder(msg.sender);

        // 3. Its extension.
        OrderLib.requireExtension(order.salt, traits, extension);
        (bool ok, address taker, bool planned, uint256 plan) = OrderLib.decodeExtension(extension);
        if (!ok) revert BadExtension(extension.length);
        if (taker != address(0) && taker != msg.sender) revert PrivateOrder(msg.sender);
        if (planned && !funded) revert FundedOnly(plan);
        if (funded && !planned) revert NoFundingPlan();
    }
}

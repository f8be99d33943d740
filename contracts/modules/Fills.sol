// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement, Order} from "../interfaces/IRfqSettlement.sol";
import {AmountLib} from "./AmountLib.sol";
import {LaneLib} from "./LaneLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {SpecialLegs} from "./SpecialLegs.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title The ways to fill
/// @dev A plain fill asks for the lock and does not take it: it measures no balance, its nonce is dead before
/// its first call, and it calls nothing but its two tokens. Every other fill takes it.
/// Order of events as 1inch's: nonce, maker leg, taker's interaction, taker leg, event. Plain orders in plain
/// calls take a path of their own, on which no term is read that they do not have.
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
        whenUnlocked
        returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash)
    {
        // 1. What a plain order in a plain call does not have.
        uint256 traits = order.makerTraits;
        uint256 special =
            order.receiver |
                (traits & OrderLib.NOT_PLAIN) |
                (takerTraits & OrderLib.NOT_PLAIN_CALL) |
                msg.value;
        if (special != 0) return _fill(order, r, vs, amount, takerTraits, msg.data[:0], msg.sender, false);
        if (order.maker != uint160(address(this))) revert BadMaker(order.maker);

        // 2. Signature, time and assets, then the nonce.
        orderHash = hashOrder(order);
        uint256 makerAsset = order.makerAsset;
        uint256 takerAsset = order.takerAsset;
        uint256 word = _admit(orderHash, r, vs, order.salt, traits, makerAsset, takerAsset);

        // 3. Amounts.
        (makingAmount, takingAmount) = AmountLib.resolve(
            order.makingAmount,
            order.takingAmount,
            amount,
            takerTraits
        );
        if (makingAmount != order.makingAmount) _requirePartial(traits, makingAmount, order.makingAmount);

        // 4. Legs.
        _settle(word, orderHash, makerAsset, takerAsset, makingAmount, takingAmount);
    }

    /// @inheritdoc IRfqSettlement
    function fillOrderCompact(
        bytes32 amounts,
        bytes32 terms,
        bytes32 r,
        bytes32 vs
    ) external override whenUnlocked returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        (
            uint256 salt,
            uint256 makerAsset,
            uint256 takerAsset,
            uint256 making,
            uint256 taking,
            uint256 traits
        ) = _unpack(uint256(amounts), uint256(terms));
        orderHash = OrderLib.ownDigest(
            DOMAIN_SEPARATOR(),
            salt,
            makerAsset,
            takerAsset,
            making,
            taking,
            traits
        );
        uint256 word = _admit(orderHash, r, vs, salt, traits, makerAsset, takerAsset);
        if (making == 0 || taking == 0) revert ZeroAmount(making, taking);
        _settle(word, orderHash, makerAsset, takerAsset, making, taking);
        return (making, taking, orderHash);
    }

    /// @inheritdoc IRfqSettlement
    function fillOrderArgs(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external payable override returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        return _fill(order, r, vs, amount, takerTraits, args, msg.sender, false);
    }

    /// @inheritdoc IRfqSettlement
    function fillOrderFor(
        address taker,
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external payable override returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        if (msg.sender != takerPortal) revert Unauthorised(msg.sender);
        return _fill(order, r, vs, amount, takerTraits, args, taker, false);
    }

    /// @inheritdoc IRfqSettlement
    function fillOrderFunded(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external override returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        return _fill(order, r, vs, amount, takerTraits, args, msg.sender, true);
    }

    /// @dev Every order, every call.
    /// @param funded whether flash funds, of a pool or through the hedger, are to supply the maker asset
    function _fill(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args,
        address taker,
        bool funded
    ) private locked returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash) {
        // 1. Parties and terms.
        (address target, bytes calldata extension, bytes calldata interaction) = OrderLib.parseArgs(
            takerTraits,
            args,
            taker
        );
        bytes calldata funding = _requireTerms(order, takerTraits, extension, taker, funded);

        // 2. Signature, time and assets, then the nonce.
        orderHash = hashOrder(order);
        uint256 word = _admit(
            orderHash,
            r,
            vs,
            order.salt,
            order.makerTraits,
            order.makerAsset,
            order.takerAsset
        );

        // 3. Amounts, out of what decay has left, and the guards that the policy has switched on.
        (makingAmount, takingAmount) = _amounts(order, amount, takerTraits);
        if (word & LaneLib.GUARDS != 0)
            _guard(word, order.makerAsset, order.takerAsset, makingAmount, takingAmount);

        // 4. Legs.
        if (funded) {
            _moveFunded(order, orderHash, makingAmount, takingAmount, target, taker, funding);
        } else {
            _pushMakerLeg(order, target, makingAmount, takerTraits);
            if (interaction.length != 0)
                _interact(order, extension, orderHash, taker, makingAmount, takingAmount, interaction);
            _pullTakerLeg(order.takerAsset, taker, takingAmount, takerTraits);
        }
        _emitFilled(orderHash, taker, order.makerAsset, order.takerAsset, makingAmount, takingAmount);
    }

    /// @dev Signature, time and assets; burns the nonce.
    /// @return word the lane word as it was
    function _admit(
        bytes32 orderHash,
        bytes32 r,
        bytes32 vs,
        uint256 salt,
        uint256 traits,
        uint256 makerAsset,
        uint256 takerAsset
    ) private returns (uint256 word) {
        LaneSlot storage slot;
        (slot, word) = _openLane(orderHash, r, vs, salt, traits);
        _requireAssets(word, makerAsset, takerAsset);
        slot.word = word.burn(traits.nonce());
    }

    /// @dev Guards, plain legs and event.
    function _settle(
        uint256 word,
        bytes32 orderHash,
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making,
        uint256 taking
    ) private {
        if (word & LaneLib.GUARDS != 0) _guard(word, makerAsset, takerAsset, making, taking);
        TokenLib.push(makerAsset, msg.sender, making);
        TokenLib.pull(takerAsset, msg.sender, address(this), taking);
        _emitFilled(orderHash, msg.sender, makerAsset, takerAsset, making, taking);
    }

    function _guard(
        uint256 word,
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making,
        uint256 taking
    ) private {
        if (word & LaneLib.BAND != 0) _requireWithinBand(makerAsset, takerAsset, making, taking);
        if (word & LaneLib.CAPS != 0) _consumeCap(makerAsset, making);
    }

    /// @dev emit OrderFilled(orderHash, taker, makerAsset, takerAsset, making, taking); registered tokens have
    /// clean words.
    function _emitFilled(
        bytes32 orderHash,
        address taker,
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making,
        uint256 taking
    ) private {
        bytes32 topic = OrderFilled.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, makerAsset)
            mstore(add(data, 0x20), takerAsset)
            mstore(add(data, 0x40), making)
            mstore(add(data, 0x60), taking)
            log3(data, 0x80, topic, orderHash, taker)
        }
    }

    function _amounts(
        Order calldata order,
        uint256 amount,
        uint256 takerTraits
    ) private view returns (uint256 making, uint256 taking) {
        uint256 traits = order.makerTraits;
        uint256 whole = AmountLib.decayedDown(order.makingAmount, traits, block.timestamp);
        (making, taking) = AmountLib.resolve(whole, order.takingAmount, amount, takerTraits);
        if (making == whole) return (making, taking);
        _requirePartial(traits, making, whole);
        uint256 minimum = AmountLib.minimumUp(whole, traits);
        if (making < minimum) revert FillTooSmall(making, minimum);
    }

    function _requirePartial(uint256 traits, uint256 making, uint256 whole) private pure {
        if (traits & OrderLib.NO_PARTIAL_FILLS != 0) revert PartialFill(making, whole);
    }

    /// @dev Terms of the order and the call that are off the usual path.
    /// @return funding the signed plan word and route, empty without a plan
    function _requireTerms(
        Order calldata order,
        uint256 takerTraits,
        bytes calldata extension,
        address taker,
        bool funded
    ) private view returns (bytes calldata funding) {
        // 1. The call.
        uint256 refused = funded ? takerTraits & OrderLib.REFUSED_FUNDED_TRAITS : 0;
        if (refused != 0) revert UnsupportedTakerTraits(refused);

        // 2. The order.
        uint256 traits = order.makerTraits;
        if (order.maker != uint160(address(this))) revert BadMaker(order.maker);
        if (order.receiver != 0 && order.receiver != uint160(address(this)))
            revert BadReceiver(order.receiver);
        if (traits & OrderLib.REFUSED_TRAITS != 0) revert UnsupportedTraits(traits & OrderLib.REFUSED_TRAITS);
        if (!traits.isAllowedSender(taker)) revert PrivateOrder(taker);

        // 3. Its extension.
        OrderLib.requireExtension(order.salt, traits, extension);
        bool ok;
        address only;
        (ok, only, funding) = OrderLib.decodeExtension(extension);
        if (!ok) revert BadExtension(extension.length);
        if (only != address(0) && only != taker) revert PrivateOrder(taker);
        if (funding.length != 0 && !funded) revert FundedOnly(uint256(bytes32(funding[:32])));
        if (funded && funding.length == 0) revert NoFundingPlan();
    }
}

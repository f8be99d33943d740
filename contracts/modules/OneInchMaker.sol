// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {Fills} from "./Fills.sol";
import {LaneLib} from "./LaneLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {TokenLib} from "./TokenLib.sol";

/// @notice The cancel calls of 1inch's contract.
interface IOneInchRouter {
    function cancelOrder(uint256 makerTraits, bytes32 orderHash) external;
    function bitsInvalidateForOrder(uint256 makerTraits, uint256 additionalMask) external;
}

/// @title Maker on 1inch's contract
/// @dev Validates the whole order out of the contract signature; what 1inch calls is a static call that knows
/// neither taker nor amount. What needs them is done by the hooks, and an order without them is refused where
/// they are needed.
abstract contract OneInchMaker is Fills {
    using OrderLib for uint256;

    /// @dev The packed plain order: amounts, terms, r, vs.
    uint256 private constant _SHORT_LENGTH = 128;
    /// @dev salt, makerAsset 20, takerAsset 20, makingAmount, takingAmount, makerTraits, r, vs; then the extension.
    uint256 private constant _LONG_LENGTH = 232;

    /// @inheritdoc IRfqSettlement
    function isValidSignature(
        bytes32 hash,
        bytes calldata signature
    ) external view override whenUnlocked returns (bytes4) {
        uint256 at = _LONG_LENGTH - 64;
        uint256 salt;
        uint256 makerAsset;
        uint256 takerAsset;
        uint256 making;
        uint256 taking;
        uint256 traits;

        // 1. The order, in one of its two forms.
        if (signature.length == _SHORT_LENGTH) {
            (salt, makerAsset, takerAsset, making, taking, traits) = _unpack(
                _word(signature, 0),
                _word(signature, 32)
            );
            at = _SHORT_LENGTH - 64;
        } else {
            (salt, makerAsset, takerAsset, making, taking, traits) = _unpackLong(signature);
        }

        // 2. Bind to the digest 1inch asks about: we are the maker, and nobody else receives.
        bytes32 computed = OrderLib.ownDigest(
            _routerSeparator(),
            salt,
            makerAsset,
            takerAsset,
            making,
            taking,
            traits
        );
        if (computed != hash) revert DigestMismatch(hash, computed);

        // 3. The same rules as on our own domain.
        (, uint256 word) = _openLane(
            hash,
            bytes32(_word(signature, at)),
            bytes32(_word(signature, at + 32)),
            salt,
            traits
        );
        _requireAssets(word, makerAsset, takerAsset);
        if (word & LaneLib.GUARDS != 0) _guardRouter(word, makerAsset, takerAsset, making, taking, traits);
        return IRfqSettlement.isValidSignature.selector;
    }

    /// @inheritdoc IRfqSettlement
    function setRouterAllowance(address token, uint128 amount) external override onlyReducer {
        if (amount != 0) {
            if (msg.sender != owner) revert Unauthorised(msg.sender);
            if (!isRegistered(token)) revert UnregisteredToken(uint160(token));
        }
        TokenLib.setAllowance(token, oneInchRouter, amount);
        emit RouterAllowanceSet(token, amount);
    }

    /// @inheritdoc IRfqSettlement
    function cancelOnRouter(uint256 makerTraits, bytes32 orderHash) external override onlyReducer {
        IOneInchRouter(oneInchRouter).cancelOrder(makerTraits, orderHash);
    }

    /// @inheritdoc IRfqSettlement
    function cancelMaskOnRouter(uint256 makerTraits, uint256 mask) external override onlyReducer {
        IOneInchRouter(oneInchRouter).bitsInvalidateForOrder(makerTraits, mask);
    }

    /// @dev The order word for word, and behind it the extension that its traits announce.
    function _unpackLong(
        bytes calldata signature
    )
        private
        view
        returns (
            uint256 salt,
            uint256 makerAsset,
            uint256 takerAsset,
            uint256 making,
            uint256 taking,
            uint256 traits
        )
    {
        if (signature.length < _LONG_LENGTH) revert BadSignatureLength(signature.length);
        salt = _word(signature, 0);
        makerAsset = _word(signature, 32) >> 96;
        takerAsset = _word(signature, 52) >> 96;
        making = _word(signature, 72);
        taking = _word(signature, 104);
        traits = _word(signature, 136);
        _requireRouterTerms(salt, traits, signature[_LONG_LENGTH:]);
    }

    /// @dev Traits and extension: none, or exactly our hooks. A minimum ratio needs the hook that enforces it.
    function _requireRouterTerms(uint256 salt, uint256 traits, bytes calldata extension) private view {
        uint256 refused = traits & OrderLib.REFUSED_ROUTER_TRAITS;
        if (refused != 0) revert UnsupportedTraits(refused);
        OrderLib.requireExtension(salt, traits, extension);
        if (traits & OrderLib.MINIMUM_RATIO_MASK != 0 && traits & OrderLib.PRE_INTERACTION == 0)
            revert HookRequired(traits & OrderLib.MINIMUM_RATIO_MASK);
        if (traits & OrderLib.HOOK_TRAITS != 0) OrderLib.requireHooks(traits, extension, routerHooks);
    }

    /// @dev Caps are counted in the hook; the band holds for the whole order, and so for every part of it.
    function _guardRouter(
        uint256 word,
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making,
        uint256 taking,
        uint256 traits
    ) private view {
        if (word & LaneLib.CAPS != 0 && traits & OrderLib.PRE_INTERACTION == 0)
            revert HookRequired(LaneLib.CAPS);
        if (word & LaneLib.BAND != 0) _requireWithinBand(makerAsset, takerAsset, making, taking);
    }

    /// @dev Within a signature whose length was checked.
    function _word(bytes calldata signature, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(signature.offset, offset))
        }
    }
}

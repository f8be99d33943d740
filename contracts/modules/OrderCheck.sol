// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement, Order} from "../interfaces/IRfqSettlement.sol";
import {AmountLib} from "./AmountLib.sol";
import {Fills} from "./Fills.sol";
import {LaneLib} from "./LaneLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {IErc20View} from "./TokenLib.sol";

/// @title Every reason at once why a fill would revert
/// @dev Repeats the rules of the fills without stopping at the first; a test holds the two together.
abstract contract OrderCheck is Fills {
    using LaneLib for uint256;
    using OrderLib for uint256;
    using OrderLib for Order;

    uint256 private constant _MAKER = 1 << 0;
    uint256 private constant _RECEIVER = 1 << 1;
    uint256 private constant _TRAITS = 1 << 2;
    uint256 private constant _EXPIRED = 1 << 3;
    uint256 private constant _EXPIRY_TOO_FAR = 1 << 4;
    uint256 private constant _PRIVATE = 1 << 5;
    uint256 private constant _MAKER_ASSET = 1 << 6;
    uint256 private constant _TAKER_ASSET = 1 << 7;
    uint256 private constant _SAME_ASSET = 1 << 8;
    uint256 private constant _SIGNATURE = 1 << 9;
    uint256 private constant _UNKNOWN_SIGNER = 1 << 10;
    uint256 private constant _PAUSED = 1 << 11;
    uint256 private constant _EPOCH = 1 << 12;
    uint256 private constant _NONCE = 1 << 13;
    uint256 private constant _EXTENSION = 1 << 14;
    uint256 private constant _AMOUNT = 1 << 15;
    uint256 private constant _PARTIAL = 1 << 16;
    uint256 private constant _INVENTORY = 1 << 17;
    uint256 private constant _TAKER_BALANCE = 1 << 18;
    uint256 private constant _TAKER_ALLOWANCE = 1 << 19;
    uint256 private constant _NO_HEDGER = 1 << 20;
    uint256 private constant _LOCKED = 1 << 21;

    /// @inheritdoc IRfqSettlement
    function checkOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        bytes calldata extension,
        address taker,
        uint256 amount
    ) external view override returns (uint256 reasons) {
        bool planned;
        (reasons, planned) = _extensionReasons(order, extension, taker);
        reasons |= _termReasons(order, taker) | _laneReasons(order, r, vs);
        if (reasons & (_MAKER_ASSET | _TAKER_ASSET) == 0)
            reasons |= _amountReasons(order, planned, taker, amount);
        if (planned && hedger == address(0)) reasons |= _NO_HEDGER;
        if (_isLocked()) reasons |= _LOCKED;
    }

    function _extensionReasons(
        Order calldata order,
        bytes calldata extension,
        address taker
    ) private pure returns (uint256 reasons, bool planned) {
        bool announced = order.makerTraits & OrderLib.HAS_EXTENSION != 0;
        bool bound = !announced || uint160(uint256(keccak256(extension))) == uint160(order.salt);
        (bool ok, address only, bool planned_, ) = OrderLib.decodeExtension(extension);
        if (announced != (extension.length != 0) || !bound || !ok) return (_EXTENSION, false);
        if (only != address(0) && only != taker) reasons = _PRIVATE;
        planned = planned_;
    }

    function _termReasons(Order calldata order, address taker) private view returns (uint256 reasons) {
        uint256 traits = order.makerTraits;
        uint256 expiration = traits.expiration();
        if (order.maker != uint160(address(this))) reasons |= _MAKER;
        if (order.receiver != 0 && order.receiver != uint160(address(this))) reasons |= _RECEIVER;
        if (traits & OrderLib.REFUSED_TRAITS != 0) reasons |= _TRAITS;
        if (expiration < block.timestamp) reasons |= _EXPIRED;
        else if (expiration - block.timestamp > _policy.maxExpiry()) reasons |= _EXPIRY_TOO_FAR;
        if (!traits.isAllowedSender(taker)) reasons |= _PRIVATE;
        if (!_isTradable(order.makerAsset)) reasons |= _MAKER_ASSET;
        if (!_isTradable(order.takerAsset)) reasons |= _TAKER_ASSET;
        if (order.makerAsset == order.takerAsset) reasons |= _SAME_ASSET;
    }

    function _laneReasons(
        Order calldata order,
        bytes32 r,
        bytes32 vs
    ) private view returns (uint256 reasons) {
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        address signer = ecrecover(hashOrder(order), uint8((uint256(vs) >> 255) + 27), r, bytes32(s));
        if (s > HALF_CURVE_ORDER || signer == address(0)) return _SIGNATURE;
        uint256 traits = order.makerTraits;
        uint256 word = _lanes[_key(signer, traits.series())].word;
        if (word & LaneLib.AUTHORISED == 0) return _UNKNOWN_SIGNER;
        if (word & LaneLib.PAUSED != 0) reasons |= _PAUSED;
        if (word.epoch() != order.salt.signedEpoch()) reasons |= _EPOCH;
        if (!word.isLive(traits.nonce())) reasons |= _NONCE;
    }

    function _amountReasons(
        Order calldata order,
        bool planned,
        address taker,
        uint256 amount
    ) private view returns (uint256 reasons) {
        // 1. The amounts of the fill; a product that overflows is reported, not reverted with.
        uint256 making = amount < order.makingAmount ? amount : order.makingAmount;
        bool whole = making == order.makingAmount;
        if (!whole && order.takingAmount != 0) {
            if (making > type(uint256).max / order.takingAmount) return _AMOUNT;
        }
        uint256 taking = AmountLib.takingUp(order.makingAmount, order.takingAmount, making);
        if (making == 0 || taking == 0) reasons |= _AMOUNT;
        if (!whole && order.makerTraits & OrderLib.NO_PARTIAL_FILLS != 0) reasons |= _PARTIAL;

        // 2. Whether both sides have them.
        if (!planned && IErc20View(address(uint160(order.makerAsset))).balanceOf(address(this)) < making) {
            reasons |= _INVENTORY;
        }
        if (taker == address(0)) return reasons;
        IErc20View takerAsset = IErc20View(address(uint160(order.takerAsset)));
        if (takerAsset.balanceOf(taker) < taking) reasons |= _TAKER_BALANCE;
        if (takerAsset.allowance(taker, address(this)) < taking) reasons |= _TAKER_ALLOWANCE;
    }
}

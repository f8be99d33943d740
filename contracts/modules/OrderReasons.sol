// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "../interfaces/IRfqSettlement.sol";
import {GuardStates} from "./GuardStates.sol";
import {LaneLib} from "./LaneLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {ProbeLib} from "./ProbeLib.sol";
import {ReasonLib} from "./ReasonLib.sol";

/// @title What both venues ask of an order, told as reasons
/// @dev Repeats the settlement's rules without stopping at the first one broken. What hangs on an asset is
/// not asked while the asset is not registered, what hangs on a lane not while its signer is unknown.
abstract contract OrderReasons is GuardStates {
    using LaneLib for uint256;
    using OrderLib for uint256;

    uint256 internal constant HALF_CURVE_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Amounts of one fill.
    struct FillAmounts {
        /// False where a product overflows.
        bool ok;
        uint256 making;
        uint256 taking;
        /// What the order gives at most, after decay.
        uint256 effective;
        uint256 minimum;
    }

    function _termReasons(
        Order calldata order,
        address taker,
        uint256 policy
    ) internal view returns (uint256 reasons) {
        uint256 traits = order.makerTraits;
        uint256 expiration = traits.expiration();
        if (order.maker != uint160(address(_settlement))) reasons |= ReasonLib.MAKER;
        if (expiration < block.timestamp) reasons |= ReasonLib.EXPIRED;
        else if (expiration - block.timestamp > policy.maxExpiry()) reasons |= ReasonLib.EXPIRY_TOO_FAR;
        if (!traits.isAllowedSender(taker)) reasons |= ReasonLib.PRIVATE;
        if (!_isTradable(order.makerAsset)) reasons |= ReasonLib.MAKER_ASSET;
        if (!_isTradable(order.takerAsset)) reasons |= ReasonLib.TAKER_ASSET;
        if (order.makerAsset == order.takerAsset) reasons |= ReasonLib.SAME_ASSET;
    }

    /// @return reasons what signature and lane refuse
    /// @return word lane word of the signer, zero when it has none
    function _laneReasons(
        bytes32 hash,
        Order calldata order,
        bytes32 r,
        bytes32 vs
    ) internal view returns (uint256 reasons, uint256 word) {
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        address signer = ecrecover(hash, uint8((uint256(vs) >> 255) + 27), r, bytes32(s));
        if (s > HALF_CURVE_ORDER || signer == address(0)) return (ReasonLib.SIGNATURE, 0);
        word = _settlement.laneWord(signer, uint40(order.makerTraits.series()));
        if (word & LaneLib.AUTHORISED == 0) return (ReasonLib.UNKNOWN_SIGNER, 0);
        if (word & LaneLib.PAUSED != 0) reasons |= ReasonLib.PAUSED;
        if (word.epoch() != order.salt.signedEpoch()) reasons |= ReasonLib.EPOCH;
    }

    /// @dev Asks `this`, so that an overflow inside comes back as an answer.
    function _fillAmounts(
        uint256 orderMaking,
        uint256 orderTaking,
        uint256 traits,
        uint256 amount
    ) internal view returns (FillAmounts memory) {
        try this.fillAmounts(orderMaking, orderTaking, traits, amount) returns (
            uint256 making,
            uint256 taking,
            uint256 effective,
            uint256 minimum
        ) {
            return FillAmounts(true, making, taking, effective, minimum);
        } catch {
            return FillAmounts(false, 0, 0, 0, 0);
        }
    }

    /// @notice Reasons of the amounts alone.
    function _amountReasons(
        FillAmounts memory fill,
        uint256 orderMaking,
        uint256 traits
    ) internal pure returns (uint256 reasons) {
        if (!fill.ok) return ReasonLib.AMOUNT;
        if (fill.effective == 0 && orderMaking != 0) return ReasonLib.DECAYED_AWAY;
        unchecked {
            // As the settlement and 1inch: a product that wraps to zero is refused with the zeros.
            if (fill.making * fill.taking == 0) reasons |= ReasonLib.AMOUNT;
        }
        bool whole = fill.making == fill.effective;
        if (!whole && traits & OrderLib.NO_PARTIAL_FILLS != 0) reasons |= ReasonLib.PARTIAL;
        if (fill.making < fill.minimum) reasons |= ReasonLib.FILL_TOO_SMALL;
    }

    /// @param spender whoever pulls the taker asset on this venue
    function _takerReasons(
        uint256 takerAsset,
        address taker,
        address spender,
        uint256 taking
    ) internal view returns (uint256 reasons) {
        address token = address(uint160(takerAsset));
        if (ProbeLib.balanceOf(token, taker) < taking) reasons |= ReasonLib.TAKER_BALANCE;
        if (ProbeLib.allowance(token, taker, spender) < taking) reasons |= ReasonLib.TAKER_ALLOWANCE;
    }

    function _isTradable(uint256 token) internal view returns (bool) {
        return token >> 160 == 0 && _settlement.isRegistered(address(uint160(token)));
    }
}

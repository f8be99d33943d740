// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementErrors} from "../interfaces/ISettlementErrors.sol";

/// @title Amounts of a fill, equal to 1inch's for every order and every taker
/// @dev What the maker gives is rounded down, what it gets is rounded up.
library AmountLib {
    uint256 internal constant MAKER_AMOUNT = 1 << 255;
    /// @dev Units of decay in one: 0.01 bps each. The cap's 13 bits of 0.1 bps stay below 8.2 %.
    uint256 private constant _DECAY_ONE = 1_000_000;
    uint256 private constant _THRESHOLD_MASK = (1 << 184) - 1;

    /// @notice Derives both amounts from the taker's one and holds the taker's threshold.
    /// @param orderMaking making amount of the order, after decay
    /// @param amount making amount when bit 255 of `takerTraits` is set, else taking amount
    function resolve(
        uint256 orderMaking,
        uint256 orderTaking,
        uint256 amount,
        uint256 takerTraits
    ) internal pure returns (uint256 making, uint256 taking) {
        uint256 threshold = takerTraits & _THRESHOLD_MASK;
        if (takerTraits & MAKER_AMOUNT != 0) {
            making = amount < orderMaking ? amount : orderMaking;
            taking = takingUp(orderMaking, orderTaking, making);
            if (threshold != 0) _requireAtMost(taking, making, threshold, amount);
        } else if (amount == orderTaking) {
            // The usual fill: the whole order, named by what the taker pays.
            (making, taking) = (orderMaking, orderTaking);
            if (making < threshold) revert ISettlementErrors.MakingAmountTooLow(making, threshold);
        } else {
            (making, taking) = _fromTaking(orderMaking, orderTaking, amount);
            if (threshold != 0) _requireAtLeast(making, taking, threshold, amount);
        }
        unchecked {
            // As 1inch: a product that wraps to zero is refused with the zeros.
            if (making * taking == 0) revert ISettlementErrors.ZeroAmount(making, taking);
        }
    }

    /// @notice What the taker pays for `making`.
    function takingUp(
        uint256 orderMaking,
        uint256 orderTaking,
        uint256 making
    ) internal pure returns (uint256) {
        if (making == orderMaking) return orderTaking;
        uint256 product = mul(making, orderTaking);
        unchecked {
            return product == 0 ? 0 : (product - 1) / orderMaking + 1;
        }
    }

    /// @notice What the taker gets for `taking`.
    function makingDown(
        uint256 orderMaking,
        uint256 orderTaking,
        uint256 taking
    ) internal pure returns (uint256) {
        if (orderTaking == 0) revert ISettlementErrors.ZeroAmount(orderMaking, 0);
        unchecked {
            return mul(taking, orderMaking) / orderTaking;
        }
    }

    /// @notice What is left of a making amount on the slope that bits 208 to 246 of `traits` sign.
    /// @param timestamp time of the fill; not after the expiration
    function decayedDown(uint256 making, uint256 traits, uint256 timestamp) internal pure returns (uint256) {
        unchecked {
            uint256 start = uint40(traits >> 80) - ((traits >> 208) & 0xfff);
            uint256 slope = (traits >> 220) & 0x3fff;
            // A start before time zero wraps: then nothing decays.
            if (slope == 0 || timestamp <= start) return making;
            uint256 decay = (timestamp - start) * slope;
            uint256 cap = ((traits >> 234) & 0x1fff) * 10;
            return mul(making, _DECAY_ONE - (decay < cap ? decay : cap)) / _DECAY_ONE;
        }
    }

    /// @notice Least making amount of a fill, by bits 200 to 207 of `traits`.
    function minimumUp(uint256 making, uint256 traits) internal pure returns (uint256) {
        uint256 product = mul(making, uint8(traits >> 200));
        unchecked {
            return product == 0 ? 0 : (product - 1) / 255 + 1;
        }
    }

    function mul(uint256 a, uint256 b) internal pure returns (uint256 product) {
        unchecked {
            product = a * b;
            if ((a | b) >> 128 != 0 && a != 0 && product / a != b)
                revert ISettlementErrors.AmountOverflow(a, b);
        }
    }

    function _fromTaking(
        uint256 orderMaking,
        uint256 orderTaking,
        uint256 amount
    ) private pure returns (uint256 making, uint256 taking) {
        taking = amount;
        making = makingDown(orderMaking, orderTaking, amount);
        // Only more than the whole taking amount gives more than the whole making amount, so clipping never
        // costs more.
        if (making > orderMaking) (making, taking) = (orderMaking, orderTaking);
    }

    /// @dev taking / making <= threshold / amount
    function _requireAtMost(uint256 taking, uint256 making, uint256 threshold, uint256 amount) private pure {
        if (amount == making ? taking > threshold : mul(taking, amount) > mul(threshold, making)) {
            revert ISettlementErrors.TakingAmountTooHigh(taking, threshold);
        }
    }

    /// @dev making / taking >= threshold / amount
    function _requireAtLeast(uint256 making, uint256 taking, uint256 threshold, uint256 amount) private pure {
        if (amount == taking ? making < threshold : mul(making, amount) < mul(threshold, taking)) {
            revert ISettlementErrors.MakingAmountTooLow(making, threshold);
        }
    }
}

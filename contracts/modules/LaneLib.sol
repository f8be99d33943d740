// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementErrors} from "../interfaces/ISettlementErrors.sol";

/// @title Lane word: authorisation, pause, epoch and nonce window of one (signer, lane) in one storage word
/// @dev Layout in contracts/README.md. Pure functions on the word; who may write it is decided by LaneBook.
library LaneLib {
    uint256 internal constant AUTHORISED = 1 << 255;
    uint256 internal constant PAUSED = 1 << 254;
    uint256 internal constant POLICY_MASK = ((1 << 30) - 1) << 224;
    /// @dev Switches of the oracle band and of the caps.
    uint256 internal constant BAND = 1 << GUARDS_SHIFT;
    uint256 internal constant CAPS = 1 << 249;
    uint256 internal constant GUARDS = BAND | CAPS;
    uint256 internal constant GUARDS_SHIFT = 248;
    uint256 internal constant BLOCKED_SHIFT = 240;
    uint256 internal constant MAX_EXPIRY_SHIFT = 224;
    uint256 internal constant MAX_EXPIRY_MASK = type(uint16).max;
    uint256 internal constant EPOCH_SHIFT = 192;
    uint256 internal constant EPOCH_ONE = 1 << EPOCH_SHIFT;
    uint256 internal constant EPOCH_MASK = uint256(type(uint32).max) << EPOCH_SHIFT;
    /// @dev What a lane added later takes over from the signer's first lane.
    uint256 internal constant INHERITED_MASK = PAUSED | EPOCH_MASK;
    uint256 internal constant BASE_SHIFT = 160;
    uint256 internal constant WINDOW_SIZE = 160;
    uint256 internal constant WINDOW_MASK = (1 << WINDOW_SIZE) - 1;

    uint256 private constant _POSITION_MASK = (1 << EPOCH_SHIFT) - 1;

    function epoch(uint256 word) internal pure returns (uint256) {
        return uint32(word >> EPOCH_SHIFT);
    }

    function base(uint256 word) internal pure returns (uint256) {
        return uint32(word >> BASE_SHIFT);
    }

    function maxExpiry(uint256 word) internal pure returns (uint256) {
        return uint16(word >> MAX_EXPIRY_SHIFT);
    }

    /// @notice Whether the lane is authorised, not paused, and in the epoch that the salt of an order names.
    function admits(uint256 word, uint256 salt) internal pure returns (bool) {
        uint256 wanted = AUTHORISED | ((salt << (EPOCH_SHIFT - 160)) & EPOCH_MASK);
        return (word ^ wanted) & (AUTHORISED | PAUSED | EPOCH_MASK) == 0;
    }

    /// @notice Whether an order with that nonce could still be filled, as far as the nonce goes.
    function isLive(uint256 word, uint256 nonce) internal pure returns (bool) {
        uint256 base_ = base(word);
        if (nonce < base_ || nonce > type(uint32).max) return false;
        unchecked {
            return nonce - base_ >= WINDOW_SIZE || word & (1 << (nonce - base_)) == 0;
        }
    }

    /// @notice Marks a live nonce dead; a nonce beyond the window slides it, and all it leaves behind is
    /// dead.
    function burn(uint256 word, uint256 nonce) internal pure returns (uint256 next) {
        next = kill(word, nonce);
        if (next == word) revert ISettlementErrors.NonceDead(nonce, base(word));
    }

    /// @notice The same for a nonce that may be dead already; then the word stays as it is.
    function kill(uint256 word, uint256 nonce) internal pure returns (uint256) {
        unchecked {
            uint256 base_ = base(word);
            // Behind the base the subtraction wraps, so that one comparison keeps both sides off the usual
            // path.
            uint256 position = nonce - base_;
            if (position < WINDOW_SIZE) return word | (1 << position);
            if (nonce < base_) return word;
            return _slideTo(word, nonce) | (1 << (WINDOW_SIZE - 1));
        }
    }

    /// @notice Marks nonce `first` + i dead for every bit i of `mask`.
    function killMask(uint256 word, uint256 first, uint256 mask) internal pure returns (uint256) {
        unchecked {
            // 1. Usually the mask fits into the window as it stands. Behind the base the distance wraps and
            //    shifts all out.
            uint256 distance = first - base(word);
            uint256 shifted = mask << distance;
            if (shifted <= WINDOW_MASK && shifted >> distance == mask) return word | shifted;

            // 2. Else slide until its highest bit fits; lower bits that the window left behind are dead
            //    anyway.
            uint256 top = first + _highestBit(mask);
            if (top >= base(word) + WINDOW_SIZE) word = _slideTo(word, top);
            uint256 base_ = base(word);
            return word | (first < base_ ? mask >> (base_ - first) : mask << (first - base_));
        }
    }

    /// @dev Moves the window up until `top`, which lies beyond it, is its highest nonce.
    function _slideTo(uint256 word, uint256 top) private pure returns (uint256) {
        if (top > type(uint32).max) revert ISettlementErrors.NonceOutOfRange(top);
        unchecked {
            uint256 newBase = top - (WINDOW_SIZE - 1);
            uint256 window = (word & WINDOW_MASK) >> (newBase - base(word));
            return (word & ~_POSITION_MASK) | (newBase << BASE_SHIFT) | window;
        }
    }

    function _highestBit(uint256 value) private pure returns (uint256 index) {
        unchecked {
            for (uint256 step = 128; step != 0; step >>= 1) {
                if (value >> step != 0) {
                    value >>= step;
                    index += step;
                }
            }
        }
    }
}

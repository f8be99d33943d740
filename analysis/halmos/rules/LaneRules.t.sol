// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LaneLib} from "contracts/modules/LaneLib.sol";

/// @title Lane algebra, for every word and every nonce
/// @dev A rule whose call reverts holds vacuously: a nonce that cannot be burned settles nothing. "Dead" is
/// `!isLive`. The words are arbitrary, not only reachable ones, so each step rule is also an induction step:
/// burn makes a nonce dead, and no later kill, killMask or rewrite of the upper bits makes it live again.
contract LaneRules {
    uint256 private constant _POSITION_MASK = (1 << LaneLib.EPOCH_SHIFT) - 1;

    function check_burn__nonceIsDeadAfterwardsAndWasLive(uint256 word, uint256 nonce) external pure {
        if (!_isReachable(word)) return;
        uint256 next = LaneLib.burn(word, nonce);
        assert(LaneLib.isLive(word, nonce));
        assert(!LaneLib.isLive(next, nonce));
    }

    function check_burn__everyLiveNonceCanBeBurned(uint256 word, uint256 nonce) external view {
        if (!LaneLib.isLive(word, nonce)) return;
        try this.burn(word, nonce) {} catch {
            assert(false);
        }
    }

    function check_burn__neverTwice(uint256 word, uint256 nonce, uint256 other) external view {
        uint256 next = LaneLib.kill(LaneLib.burn(word, nonce), other);
        try this.burn(next, nonce) {
            assert(false);
        } catch {}
    }

    function check_kill__deadStaysDead(uint256 word, uint256 dead, uint256 nonce) external pure {
        if (LaneLib.isLive(word, dead)) return;
        assert(!LaneLib.isLive(LaneLib.kill(word, nonce), dead));
    }

    function check_killMask__deadStaysDead(uint256 word, uint256 dead, uint40 first, uint8 which) external pure {
        if (LaneLib.isLive(word, dead)) return;
        assert(!LaneLib.isLive(LaneLib.killMask(word, first, _mask(which)), dead));
    }

    /// @dev LaneBook._rewrite: (word & keep | set) + add, with the masks that LaneBook uses.
    function check_rewrite__deadStaysDead(uint256 word, uint256 dead, uint256 set, bool raise) external pure {
        if (LaneLib.isLive(word, dead)) return;
        uint256 kept = (word & ~LaneLib.POLICY_MASK) | (set & ~(_POSITION_MASK | LaneLib.EPOCH_MASK));
        unchecked {
            if (raise) kept += LaneLib.EPOCH_ONE;
        }
        assert(!LaneLib.isLive(kept, dead));
    }

    function check_kill__twiceIsOnce(uint256 word, uint256 nonce) external pure {
        uint256 once = LaneLib.kill(word, nonce);
        assert(LaneLib.kill(once, nonce) == once);
    }

    function check_kill__reachableStaysReachable(uint256 word, uint256 nonce) external pure {
        if (!_isReachable(word)) return;
        assert(_isReachable(LaneLib.kill(word, nonce)));
    }

    function check_killMask__reachableStaysReachable(uint256 word, uint40 first, uint8 which) external pure {
        if (!_isReachable(word)) return;
        assert(_isReachable(LaneLib.killMask(word, first, _mask(which))));
    }

    function check_kill__takesNoOtherLiveNonceButByTheSlide(uint256 word, uint256 nonce, uint256 other)
        external
        pure
    {
        uint256 next = LaneLib.kill(word, nonce);
        if (other == nonce || !LaneLib.isLive(word, other)) return;
        assert(LaneLib.isLive(next, other) || other < LaneLib.base(next));
    }

    function check_kill__baseNeverFallsAndUpperBitsStay(uint256 word, uint256 nonce) external pure {
        uint256 next = LaneLib.kill(word, nonce);
        assert(LaneLib.base(next) >= LaneLib.base(word));
        assert(next >> LaneLib.EPOCH_SHIFT == word >> LaneLib.EPOCH_SHIFT);
    }

    function check_killMask__baseNeverFallsAndUpperBitsStay(uint256 word, uint40 first, uint8 which)
        external
        pure
    {
        uint256 next = LaneLib.killMask(word, first, _mask(which));
        assert(LaneLib.base(next) >= LaneLib.base(word));
        assert(next >> LaneLib.EPOCH_SHIFT == word >> LaneLib.EPOCH_SHIFT);
    }

    function check_killMask__everyNamedNonceIsDead(uint256 word, uint40 first, uint8 which, uint8 bit)
        external
        pure
    {
        uint256 mask = _mask(which);
        if (mask & (uint256(1) << bit) == 0) return;
        assert(!LaneLib.isLive(LaneLib.killMask(word, first, mask), uint256(first) + bit));
    }

    /// @dev Fixed masks under free words and first nonces: the search for the highest bit of a free mask has 256
    /// paths, each of which splits further. Free masks are left to the property tests.
    function _mask(uint8 which) private pure returns (uint256) {
        if (which == 0) return 1;
        if (which == 1) return (1 << 159) | 1;
        if (which == 2) return (1 << 160) | 1;
        return type(uint256).max;
    }

    /// @dev No window reaches beyond the last nonce; a fresh word has base zero.
    function _isReachable(uint256 word) private pure returns (bool) {
        return LaneLib.base(word) + LaneLib.WINDOW_SIZE - 1 <= type(uint32).max;
    }

    function burn(uint256 word, uint256 nonce) external pure returns (uint256) {
        return LaneLib.burn(word, nonce);
    }
}

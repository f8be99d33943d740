// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {CapState, FeedState, ISettlementLens} from "../interfaces/ISettlementLens.sol";
import {ProbeLib} from "./ProbeLib.sol";
import {ReasonLib} from "./ReasonLib.sol";

/// @title Caps, feeds and bands of the settlement, read out of its words
/// @dev Layouts of the words: contracts/README.md. The rules are those of the settlement's CapBook and
/// PriceBand, told as reasons; a test holds the two together.
abstract contract GuardStates is ISettlementLens {
    uint256 private constant _CAP_MASK = (1 << 36) - 1;
    uint256 private constant _TAG_MASK = (1 << 24) - 1;
    uint256 private constant _BANDS_SHIFT = 192;
    uint256 private constant _NO_LIMIT_UNITS = 255;
    uint256 private constant _BPS_PER_UNIT = 5;
    uint256 private constant _UNITS_IN_ONE = 2_000;
    uint256 private constant _MAX_ANSWER = 1 << 112;

    IRfqSettlement internal immutable _settlement;

    constructor(address settlement) {
        if (settlement.code.length == 0) revert NoCode(settlement);
        _settlement = IRfqSettlement(settlement);
    }

    // solhint-disable-next-line func-name-mixedcase
    function SETTLEMENT() external view override returns (address) {
        return address(_settlement);
    }

    function _capState(address token) internal view returns (CapState memory state) {
        uint256 word = _settlement.capWord(token);
        // No cap that was set has windows of no length, even where use was counted without one.
        state.windowSeconds = (word >> 188) & ((1 << 20) - 1);
        if (state.windowSeconds == 0) return state;
        unchecked {
            uint256 unit = uint8(word >> 180);
            state.isSet = true;
            state.unit = 1 << unit;
            state.perBlock = ((word >> 108) & _CAP_MASK) << unit;
            state.perWindow = ((word >> 144) & _CAP_MASK) << unit;
            (uint256 inBlock, uint256 inWindow) = _used(word, state.windowSeconds);
            state.usedInBlock = inBlock << unit;
            state.usedInWindow = inWindow << unit;
            uint256 leftInBlock = state.perBlock - _min(state.perBlock, state.usedInBlock);
            uint256 leftInWindow = state.perWindow - _min(state.perWindow, state.usedInWindow);
            state.left = _min(leftInBlock, leftInWindow);
        }
    }

    /// @dev A making amount, rounded up to units, fits a remainder in whole units exactly when it fits it
    /// unrounded.
    function _capReasons(address token, uint256 making) internal view returns (uint256 reasons) {
        CapState memory state = _capState(token);
        if (!state.isSet) return ReasonLib.NO_CAP;
        if (!_fits(making, state.usedInBlock, state.perBlock)) reasons |= ReasonLib.BLOCK_CAP;
        if (!_fits(making, state.usedInWindow, state.perWindow)) reasons |= ReasonLib.WINDOW_CAP;
    }

    function _feedState(address token) internal view returns (FeedState memory state) {
        uint256 word = _settlement.priceWord(token);
        state.feed = address(uint160(word));
        state.heartbeatSeconds = uint24(word >> 160);
        state.exponent = uint8(word >> 184);
        if (state.feed == address(0)) return state;
        (state.answered, state.answer, state.updatedAt) = ProbeLib.latestAnswer(state.feed);
        unchecked {
            // A time in the future wraps, and counts as old.
            state.ageSeconds = block.timestamp - state.updatedAt;
        }
        state.healthy =
            state.answered &&
            state.answer > 0 &&
            uint256(state.answer) <= _MAX_ANSWER &&
            state.ageSeconds <= state.heartbeatSeconds;
    }

    function _bandReasons(
        address makerAsset,
        address takerAsset,
        uint256 making,
        uint256 taking
    ) internal view returns (uint256 reasons) {
        // 1. The band of the pair.
        uint256 units = _bandUnits(_settlement.coreTokens(), makerAsset, takerAsset);
        if (units == _NO_LIMIT_UNITS) return 0;
        if (units == 0) reasons |= ReasonLib.NO_BAND;

        // 2. Both feeds.
        FeedState memory makerFeed = _feedState(makerAsset);
        FeedState memory takerFeed = _feedState(takerAsset);
        if (!makerFeed.healthy || !takerFeed.healthy) reasons |= ReasonLib.FEED;
        if (reasons != 0) return reasons;

        // 3. The amounts, at the feeds' answers.
        (bool ok, uint256 floor) = _bandFloor(makerFeed, takerFeed, making, units);
        if (!ok) return ReasonLib.AMOUNT;
        if (taking < floor) return ReasonLib.OUTSIDE_BAND;
    }

    /// @dev Band of a pair as the settlement keeps it, in units of 5 bps: with the core token of the pair, in
    /// the word of the other.
    function _bandUnits(
        address[] memory core,
        address makerAsset,
        address takerAsset
    ) internal view returns (uint256) {
        for (uint256 i = 0; i < core.length; ++i) {
            if (core[i] == takerAsset) return _bandWith(makerAsset, i);
        }
        for (uint256 i = 0; i < core.length; ++i) {
            if (core[i] == makerAsset) return _bandWith(takerAsset, i);
        }
        return 0;
    }

    function _bandBps(uint256 units) internal pure returns (uint256) {
        return units == _NO_LIMIT_UNITS ? type(uint256).max : units * _BPS_PER_UNIT;
    }

    function _product(uint256 a, uint256 b) internal pure returns (bool ok, uint256 product) {
        unchecked {
            product = a * b;
            ok = a == 0 || product / a == b;
        }
    }

    /// @dev making * (makerPrice / 10^makerExponent) / (takerPrice / 10^takerExponent), less the band, rounded
    /// up. Not ok where the product with the making amount overflows: the settlement refuses the fill then.
    function _bandFloor(
        FeedState memory makerFeed,
        FeedState memory takerFeed,
        uint256 making,
        uint256 units
    ) private pure returns (bool ok, uint256 floor) {
        // Neither factor overflows: 2^112 of an answer, 2^11 of a band and, as the settlement takes no exponent
        // above 36, 10^36 < 2^120 of a scale.
        uint256 makerFactor = uint256(makerFeed.answer) * (_UNITS_IN_ONE - units);
        uint256 takerFactor = uint256(takerFeed.answer) * _UNITS_IN_ONE;
        if (makerFeed.exponent < takerFeed.exponent)
            makerFactor *= 10 ** (takerFeed.exponent - makerFeed.exponent);
        else takerFactor *= 10 ** (makerFeed.exponent - takerFeed.exponent);
        uint256 worth;
        (ok, worth) = _product(making, makerFactor);
        if (ok) floor = worth / takerFactor + (worth % takerFactor == 0 ? 0 : 1);
    }

    /// @dev Use in units that a fill in this block would still find counted.
    function _used(
        uint256 word,
        uint256 windowSeconds
    ) private view returns (uint256 inBlock, uint256 inWindow) {
        uint256 lastWindow = word >> 232;
        uint256 thisWindow = (block.timestamp / windowSeconds) & _TAG_MASK;
        uint256 current = (word >> 36) & _CAP_MASK;
        if ((word >> 208) & _TAG_MASK == block.number & _TAG_MASK) inBlock = word & _CAP_MASK;
        if (thisWindow == lastWindow) inWindow = current + ((word >> 72) & _CAP_MASK);
        else if (thisWindow == (lastWindow + 1) & _TAG_MASK) inWindow = current;
    }

    function _bandWith(address token, uint256 coreIndex) private view returns (uint256) {
        return uint8(_settlement.priceWord(token) >> (_BANDS_SHIFT + 8 * coreIndex));
    }

    function _fits(uint256 amount, uint256 used, uint256 cap_) private pure returns (bool) {
        return used <= cap_ && amount <= cap_ - used;
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}

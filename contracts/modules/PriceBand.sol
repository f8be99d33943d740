// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {AmountLib} from "./AmountLib.sol";
import {CapBook} from "./CapBook.sol";

/// @notice What a token and a Chainlink feed say of their units.
interface IDecimals {
    function decimals() external view returns (uint8);
}

/// @title Chainlink band: what the maker must get at least for what it gives
/// @dev One word per token, so that a fill pays one read per feed. Fails closed: no feed, no band for the pair, an
/// answer that is not positive or older than the heartbeat refuse the fill.
///
/// | bits    | field                                                                              |
/// |---------|------------------------------------------------------------------------------------|
/// | 192-255 | one byte per core token i: band of the pair with it, in units of 5 bps; 0 no fill, |
/// |         | 255 no limit                                                                       |
/// | 184-191 | decimals of the token plus decimals of the feed, as they were at registration      |
/// | 160-183 | heartbeat in seconds                                                               |
/// | 0-159   | feed                                                                               |
abstract contract PriceBand is CapBook {
    uint256 private constant _BANDS_SHIFT = 192;
    uint256 private constant _BANDS_MASK = ~((1 << _BANDS_SHIFT) - 1);
    uint256 private constant _NO_LIMIT = 255;
    /// @dev Units of a band in one: 5 bps each.
    uint256 private constant _ONE = 2_000;
    uint256 private constant _MAX_ANSWER = 1 << 112;
    uint256 private constant _MAX_EXPONENT = 36;

    mapping(uint256 token => uint256 word) private _feeds;

    /// @inheritdoc IRfqSettlement
    function setFeed(address token, address feed, uint40 heartbeatSeconds) external override onlyOwner {
        uint256 word = _feeds[uint160(token)] & _BANDS_MASK;
        if (feed != address(0)) {
            if (heartbeatSeconds == 0 || heartbeatSeconds > type(uint24).max)
                revert BadHeartbeat(heartbeatSeconds);
            uint256 exponent = uint256(IDecimals(token).decimals()) + IDecimals(feed).decimals();
            if (exponent > _MAX_EXPONENT) revert BadDecimals(token, feed, exponent);
            word |= (exponent << 184) | (uint256(heartbeatSeconds) << 160) | uint160(feed);
        }
        _feeds[uint160(token)] = word;
        emit FeedSet(token, feed, heartbeatSeconds);
    }

    /// @inheritdoc IRfqSettlement
    function setBand(address tokenA, address tokenB, uint8 units) external override onlyReducer {
        uint256 indexA = _coreIndex(uint160(tokenA));
        uint256 indexB = _coreIndex(uint160(tokenB));
        if (tokenA == tokenB || indexA & indexB == MAX_CORE_TOKENS) revert BadPair(tokenA, tokenB);
        // The guardian only reduces.
        if (msg.sender != owner && units > _bandOf(uint160(tokenA), uint160(tokenB)))
            revert Unauthorised(msg.sender);
        _writeBand(tokenA, indexB, units);
        _writeBand(tokenB, indexA, units);
        emit BandSet(tokenA, tokenB, units);
    }

    /// @inheritdoc IRfqSettlement
    function priceWord(address token) external view override returns (uint256) {
        return _feeds[uint160(token)];
    }

    /// @inheritdoc IRfqSettlement
    function fairTakingAmount(
        address makerAsset,
        address takerAsset,
        uint256 makingAmount
    ) external view override returns (uint256) {
        (uint256 makerFactor, uint256 takerFactor) = _factors(
            uint160(makerAsset),
            uint160(takerAsset),
            _feeds[uint160(makerAsset)],
            _feeds[uint160(takerAsset)],
            0
        );
        return AmountLib.mul(makingAmount, makerFactor) / takerFactor;
    }

    /// @dev Least taking amount the band of the pair allows for a making amount.
    function _bandFloor(
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making
    ) internal view returns (uint256) {
        uint256 makerFeed = _feeds[makerAsset];
        uint256 takerFeed = _feeds[takerAsset];
        uint256 units = _unitsOf(makerAsset, takerAsset, makerFeed, takerFeed);
        if (units == _NO_LIMIT) return 0;
        if (units == 0) revert NoBand(makerAsset, takerAsset);
        (uint256 makerFactor, uint256 takerFactor) = _factors(
            makerAsset,
            takerAsset,
            makerFeed,
            takerFeed,
            units
        );
        uint256 worth = AmountLib.mul(making, makerFactor);
        unchecked {
            // Rounded up, so that the band is never wider than set.
            return worth / takerFactor + (worth % takerFactor == 0 ? 0 : 1);
        }
    }

    function _requireWithinBand(
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making,
        uint256 taking
    ) internal view {
        uint256 floor = _bandFloor(makerAsset, takerAsset, making);
        if (taking < floor) revert OutsideBand(makerAsset, takerAsset, taking, floor);
    }

    /// @dev A making amount is worth making * makerFactor / takerFactor of the taker asset, less `units` of band.
    /// Neither factor overflows: 2^112 of an answer, 2^11 of _ONE and 10^36 < 2^120 of a scale.
    function _factors(
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 makerFeed,
        uint256 takerFeed,
        uint256 units
    ) private view returns (uint256 makerFactor, uint256 takerFactor) {
        unchecked {
            makerFactor = _answer(makerAsset, makerFeed) * (_ONE - units);
            takerFactor = _answer(takerAsset, takerFeed) * _ONE;
            uint256 makerExponent = uint8(makerFeed >> 184);
            uint256 takerExponent = uint8(takerFeed >> 184);
            if (makerExponent < takerExponent) makerFactor *= 10 ** (takerExponent - makerExponent);
            else takerFactor *= 10 ** (makerExponent - takerExponent);
        }
    }

    /// @dev A positive answer of at most 2^112, not older than the heartbeat.
    function _answer(uint256 token, uint256 word) private view returns (uint256 answer) {
        bool good;
        assembly ("memory-safe") {
            let data := mload(0x40)
            // latestRoundData() returns (roundId, answer, startedAt, updatedAt, answeredInRound)
            mstore(0x00, 0xfeaf968c00000000000000000000000000000000000000000000000000000000)
            good := staticcall(gas(), word, 0x00, 0x04, data, 0xa0)
            answer := mload(add(data, 0x20))
            // A time in the future wraps and counts as old.
            let age := sub(timestamp(), mload(add(data, 0x60)))
            good := and(good, gt(returndatasize(), 0x9f))
            good := and(good, iszero(gt(age, and(shr(160, word), 0xffffff))))
            good := and(good, lt(sub(answer, 1), _MAX_ANSWER))
        }
        if (!good) _refuseAnswer(token, address(uint160(word)), uint24(word >> 160));
    }

    /// @dev Asks again, in order to name what is wrong.
    function _refuseAnswer(uint256 token, address feed, uint256 heartbeat) private view {
        if (feed == address(0)) revert NoFeed(token);
        (bool ok, bytes memory data) = feed.staticcall(hex"feaf968c");
        if (!ok || data.length < 160) revert FeedFailed(feed);
        (, int256 answer, , uint256 updatedAt, ) = abi.decode(
            data,
            (uint256, int256, uint256, uint256, uint256)
        );
        if (answer <= 0 || uint256(answer) > _MAX_ANSWER) revert BadAnswer(feed, answer);
        revert StaleAnswer(feed, updatedAt, heartbeat);
    }

    function _bandOf(uint256 tokenA, uint256 tokenB) private view returns (uint256) {
        return _unitsOf(tokenA, tokenB, _feeds[tokenA], _feeds[tokenB]);
    }

    function _unitsOf(
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 makerFeed,
        uint256 takerFeed
    ) private view returns (uint256) {
        unchecked {
            uint256 index = _coreIndex(takerAsset);
            if (index < MAX_CORE_TOKENS) return uint8(makerFeed >> (_BANDS_SHIFT + 8 * index));
            index = _coreIndex(makerAsset);
            return index < MAX_CORE_TOKENS ? uint8(takerFeed >> (_BANDS_SHIFT + 8 * index)) : 0;
        }
    }

    function _writeBand(address token, uint256 index, uint256 units) private {
        if (index == MAX_CORE_TOKENS) return;
        uint256 shift = _BANDS_SHIFT + 8 * index;
        _feeds[uint160(token)] = (_feeds[uint160(token)] & ~(uint256(255) << shift)) | (units << shift);
    }
}

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
    uint256 private constant _MAX_EXPONENT = 60;

    mapping(uint256 token => uint256 word) private _feeds;

    /// @inheritdoc IRfqSettlement
    function setFeed(address token, address feed, uint24 heartbeatSeconds) external override onlyOwner {
        uint256 word = _feeds[uint160(token)] & _BANDS_MASK;
        if (feed != address(0)) {
            if (heartbeatSeconds == 0) revert BadHeartbeat(heartbeatSeconds);
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
    function feedWord(address token) external view override returns (uint256) {
        return _feeds[uint160(token)];
    }

    /// @inheritdoc IRfqSettlement
    function fairTakingAmount(
        address makerAsset,
        address takerAsset,
        uint256 makingAmount
    ) external view override returns (uint256) {
        return
            _worth(
                uint160(makerAsset),
                uint160(takerAsset),
                _feeds[uint160(makerAsset)],
                _feeds[uint160(takerAsset)],
                makingAmount,
                0
            );
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
        return _worth(makerAsset, takerAsset, makerFeed, takerFeed, making, units);
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

    /// @dev making * makerPrice / takerPrice in units of the taker asset, less the band. Rounded up, so that the
    /// band is never wider than set; without a band (units 0) rounded down.
    function _worth(
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 makerFeed,
        uint256 takerFeed,
        uint256 making,
        uint256 units
    ) private view returns (uint256) {
        uint256 worth = AmountLib.mul(making, _answer(makerAsset, makerFeed) * (_ONE - units));
        uint256 price = _answer(takerAsset, takerFeed) * _ONE;
        unchecked {
            uint256 makerExponent = uint8(makerFeed >> 184);
            uint256 takerExponent = uint8(takerFeed >> 184);
            if (makerExponent < takerExponent)
                worth = AmountLib.mul(worth, 10 ** (takerExponent - makerExponent));
            else price = AmountLib.mul(price, 10 ** (makerExponent - takerExponent));
            return worth / price + (units != 0 && worth % price != 0 ? 1 : 0);
        }
    }

    /// @dev A positive answer below 2^128, not older than the heartbeat.
    function _answer(uint256 token, uint256 word) private view returns (uint256 answer) {
        uint256 feed = uint160(word);
        if (feed == 0) revert NoFeed(token);
        bool ok;
        uint256 updatedAt;
        assembly ("memory-safe") {
            let data := mload(0x40)
            // latestRoundData() returns (roundId, answer, startedAt, updatedAt, answeredInRound)
            mstore(0x00, 0xfeaf968c00000000000000000000000000000000000000000000000000000000)
            ok := staticcall(gas(), feed, 0x00, 0x04, data, 0xa0)
            ok := and(ok, gt(returndatasize(), 0x9f))
            answer := mload(add(data, 0x20))
            updatedAt := mload(add(data, 0x60))
        }
        unchecked {
            // A time in the future wraps and counts as old.
            bool fresh = block.timestamp - updatedAt <= uint24(word >> 160);
            if (!ok || answer - 1 >= type(uint128).max || !fresh) _refuseAnswer(feed, ok, answer, updatedAt);
        }
    }

    function _refuseAnswer(uint256 feed, bool ok, uint256 answer, uint256 updatedAt) private pure {
        if (!ok) revert FeedFailed(address(uint160(feed)));
        if (answer == 0 || answer > type(uint128).max)
            revert BadAnswer(address(uint160(feed)), int256(answer));
        revert StaleAnswer(address(uint160(feed)), updatedAt);
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

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {LaneBook} from "./LaneBook.sol";
import {LaneLib} from "./LaneLib.sol";

/// @title Tradable tokens and the horizon of orders
/// @dev Core tokens are constants of the code and blocked by a bit of each lane word, so that a fill checks
/// them without a storage read; tokens registered later are read from a mapping. Empty core positions hold
/// zero and stay blocked.
abstract contract TokenRegistry is LaneBook {
    uint256 internal constant MAX_CORE_TOKENS = 8;
    uint256 internal constant BLOCKED_BIT_0 = 1 << LaneLib.BLOCKED_SHIFT;
    uint256 private constant _BIT_1 = BLOCKED_BIT_0 << 1;
    uint256 private constant _CORE_BITS = uint256(type(uint8).max) << LaneLib.BLOCKED_SHIFT;
    uint256 private constant _DEFAULT_MAX_EXPIRY_S = 3600;

    uint256 private immutable _CORE_0;
    uint256 private immutable _CORE_1;
    uint256 private immutable _CORE_2;
    uint256 private immutable _CORE_3;
    uint256 private immutable _CORE_4;
    uint256 private immutable _CORE_5;
    uint256 private immutable _CORE_6;
    uint256 private immutable _CORE_7;

    /// @dev Keyed by the raw order word: a word with dirty upper bits is not registered.
    mapping(uint256 token => bool) private _registered;
    /// @dev What a taker's interaction must never be aimed at: tokens once registered, and what is ours.
    mapping(address target => bool) internal _untouchable;

    constructor(address[] memory core) {
        if (core.length > MAX_CORE_TOKENS) revert BadCoreTokens(core.length);
        uint256[MAX_CORE_TOKENS] memory words;
        uint256 blocked = type(uint8).max;
        for (uint256 i = 0; i < core.length; ++i) {
            if (core[i].code.length == 0) revert NoCode(core[i]);
            for (uint256 j = 0; j < i; ++j) {
                if (core[j] == core[i]) revert BadCoreTokens(i);
            }
            words[i] = uint160(core[i]);
            blocked &= ~(1 << i);
            _untouchable[core[i]] = true;
            emit TokenRegistered(core[i]);
        }
        (_CORE_0, _CORE_1, _CORE_2, _CORE_3) = (words[0], words[1], words[2], words[3]);
        (_CORE_4, _CORE_5, _CORE_6, _CORE_7) = (words[4], words[5], words[6], words[7]);
        _policy = (blocked << LaneLib.BLOCKED_SHIFT) | (_DEFAULT_MAX_EXPIRY_S << LaneLib.MAX_EXPIRY_SHIFT);
        emit MaxExpirySet(_DEFAULT_MAX_EXPIRY_S);
    }

    /// @inheritdoc IRfqSettlement
    function registerToken(address token) external override onlyOwner {
        if (token.code.length == 0) revert NoCode(token);
        uint256 bit = _refusalBit(uint160(token));
        if (bit & _CORE_BITS != 0) _setPolicy(_policy & ~bit);
        else _registered[uint160(token)] = true;
        _untouchable[token] = true;
        emit TokenRegistered(token);
    }

    /// @inheritdoc IRfqSettlement
    function unregisterToken(address token) external override onlyReducer {
        if (!isRegistered(token)) revert UnregisteredToken(uint160(token));
        uint256 bit = _refusalBit(uint160(token));
        if (bit != 0) _setPolicy(_policy | bit);
        else delete _registered[uint160(token)];
        emit TokenUnregistered(token);
    }

    /// @inheritdoc IRfqSettlement
    function setMaxExpiry(uint64 seconds_) external override onlyOwner {
        if (seconds_ == 0 || seconds_ > LaneLib.MAX_EXPIRY_MASK) revert BadMaxExpiry(seconds_);
        uint256 kept = _policy & ~(LaneLib.MAX_EXPIRY_MASK << LaneLib.MAX_EXPIRY_SHIFT);
        _setPolicy(kept | (uint256(seconds_) << LaneLib.MAX_EXPIRY_SHIFT));
        emit MaxExpirySet(seconds_);
    }

    /// @inheritdoc IRfqSettlement
    function isRegistered(address token) public view override returns (bool) {
        return _isTradable(uint160(token));
    }

    /// @inheritdoc IRfqSettlement
    function coreTokens() public view override returns (address[] memory tokens) {
        uint256 count = 0;
        while (_coreToken(count) != 0) ++count;
        tokens = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            tokens[i] = address(uint160(_coreToken(i)));
        }
    }

    /// @inheritdoc IRfqSettlement
    function maxExpiry() external view override returns (uint256) {
        return LaneLib.maxExpiry(_policy);
    }

    /// @dev Bits of the lane word that, when set, forbid one of the tokens; see `_refusalBit`. The two most
    /// traded tokens are told apart without a call.
    function _refusalBits(uint256 tokenA, uint256 tokenB) internal view returns (uint256) {
        uint256 bitA =
            tokenA == _CORE_0
                ? BLOCKED_BIT_0
                : tokenA == _CORE_1
                    ? _BIT_1
                    : _refusalBit(tokenA);
        uint256 bitB =
            tokenB == _CORE_0
                ? BLOCKED_BIT_0
                : tokenB == _CORE_1
                    ? _BIT_1
                    : _refusalBit(tokenB);
        return bitA | bitB;
    }

    /// @dev A core token has its blocked bit. A registered one that is not core has none. An unregistered one
    /// gets AUTHORISED, which is set in every word a fill gets as far as to test.
    function _refusalBit(uint256 token) internal view returns (uint256) {
        uint256 index = _coreIndex(token);
        if (index < MAX_CORE_TOKENS) return BLOCKED_BIT_0 << index;
        return _registered[token] ? 0 : LaneLib.AUTHORISED;
    }

    /// @dev Position of a core token, or 8 for any other.
    function _coreIndex(uint256 token) internal view returns (uint256) {
        if (token == _CORE_0) return 0;
        if (token == _CORE_1) return 1;
        if (token == _CORE_2) return 2;
        if (token == _CORE_3) return 3;
        if (token == _CORE_4) return 4;
        if (token == _CORE_5) return 5;
        if (token == _CORE_6) return 6;
        return token == _CORE_7 ? 7 : MAX_CORE_TOKENS;
    }

    /// @dev The core token at a position, zero where there is none; its blocked bit is `1 << index` of eight.
    function _coreToken(uint256 index) internal view returns (uint256) {
        if (index == 0) return _CORE_0;
        if (index == 1) return _CORE_1;
        if (index == 2) return _CORE_2;
        if (index == 3) return _CORE_3;
        if (index == 4) return _CORE_4;
        if (index == 5) return _CORE_5;
        if (index == 6) return _CORE_6;
        return index == 7 ? _CORE_7 : 0;
    }

    function _isTradable(uint256 token) internal view returns (bool) {
        return (_policy | LaneLib.AUTHORISED) & _refusalBit(token) == 0;
    }
}

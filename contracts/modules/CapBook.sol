// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {TokenRegistry} from "./TokenRegistry.sol";

/// @title How much of a token may leave per block and per rolling window
/// @dev One word per maker asset, so that a fill pays one read and one write. Windows are fixed ones laid end
/// to end, and what left in the previous and in the current one together is held under the cap: any span as
/// long as a window lies within two of them, so in no such span more than the cap leaves.
///
/// | bits    | field                                                             |
/// |---------|-------------------------------------------------------------------|
/// | 232-255 | number of the window of the last use, low 24 bits                 |
/// | 208-231 | number of the block of the last use, low 24 bits                  |
/// | 188-207 | length of a window in seconds, 1 to 1,048,575                     |
/// | 180-187 | unit: all amounts below are multiples of 2^unit base units        |
/// | 144-179 | cap of a window                                                   |
/// | 108-143 | cap of a block                                                    |
/// | 72-107  | used in the previous window                                       |
/// | 36-71   | used in the current window                                        |
/// | 0-35    | used in the current block                                         |
///
/// Numbers that agree in 24 bits but not beyond count old use as new: too strict for once, never too loose.
abstract contract CapBook is TokenRegistry {
    uint256 private constant _AMOUNT_MASK = 0xfffffffff;
    uint256 private constant _TAG_MASK = 0xffffff;
    uint256 private constant _WINDOW_MASK = 0xfffff;
    /// @dev Both caps, the unit and the length of the window.
    uint256 private constant _SETTINGS_MASK =
        0x000000000000fffffffffffffffffffffffff000000000000000000000000000;
    /// @dev All but both tags and what was used in the block.
    uint256 private constant _BEYOND_BLOCK_MASK =
        0x000000000000fffffffffffffffffffffffffffffffffffffffffff000000000;
    /// @dev One unit more in the current window and in the current block.
    uint256 private constant _ONE_UNIT = (1 << 36) + 1;

    struct CapSlot {
        uint256 word;
    }

    mapping(uint256 token => CapSlot) private _caps;

    /// @inheritdoc IRfqSettlement
    function setCap(
        address token,
        uint256 perBlock,
        uint256 perWindow,
        uint40 windowSeconds
    ) external override onlyOwner {
        if (windowSeconds == 0 || windowSeconds > _WINDOW_MASK) revert BadCapWindow(windowSeconds);
        // Caps are rounded down to the unit, amounts up.
        uint256 larger = perBlock > perWindow ? perBlock : perWindow;
        uint256 unit = 0;
        while (larger >> unit > _AMOUNT_MASK) ++unit;
        _caps[uint160(token)].word =
            (uint256(windowSeconds) << 188) |
            (unit << 180) |
            ((perWindow >> unit) << 144) |
            ((perBlock >> unit) << 108);
        emit CapSet(token, perBlock, perWindow, windowSeconds);
    }

    /// @inheritdoc IRfqSettlement
    function capWord(address token) external view override returns (uint256) {
        return _caps[uint160(token)].word;
    }

    /// @dev Counts an amount of the token that is about to leave; zero must not be given.
    ///
    /// units    = ceil(amount / 2^unit)
    /// inBlock  = block tag is this block's ? used in block : 0
    /// before, inWindow = window tag is this window's ? as they are : it is the last one's ? (inWindow, 0) : (0, 0)
    /// units <= cap of the block - inBlock, units <= cap of the window - before - inWindow
    ///
    /// What was used is never above its cap, so neither difference wraps, and no sum leaves its 36 bits.
    function _consumeCap(uint256 token, uint256 amount) internal {
        CapSlot storage slot = _caps[token];
        uint256 word = slot.word;
        uint256 units;
        bool over;
        assembly ("memory-safe") {
            // 1. The amount in units, rounded up.
            units := add(shr(and(shr(180, word), 0xff), sub(amount, 1)), 1)

            // 2. The word as of now: other tags in it mean that some of the use does not count any more.
            let tags := or(
                shl(232, div(timestamp(), and(shr(188, word), _WINDOW_MASK))),
                shl(208, and(number(), _TAG_MASK))
            )
            let passed := shr(208, xor(word, tags))
            if passed {
                if gt(passed, _TAG_MASK) {
                    let last := eq(and(add(shr(232, word), 1), _TAG_MASK), shr(232, tags))
                    word := or(
                        and(word, _SETTINGS_MASK),
                        shl(72, mul(and(shr(36, word), _AMOUNT_MASK), last))
                    )
                }
                word := or(and(word, _BEYOND_BLOCK_MASK), tags)
            }

            // 3. Hold it against what both caps have left.
            over := or(
                gt(units, sub(and(shr(108, word), _AMOUNT_MASK), and(word, _AMOUNT_MASK))),
                gt(
                    units,
                    sub(
                        and(shr(144, word), _AMOUNT_MASK),
                        add(and(shr(72, word), _AMOUNT_MASK), and(shr(36, word), _AMOUNT_MASK))
                    )
                )
            )
        }
        if (over) _refuseOver(token, amount, units, word);
        unchecked {
            slot.word = word + units * _ONE_UNIT;
        }
    }

    /// @param word the cap word as of now, without the amount
    function _refuseOver(uint256 token, uint256 amount, uint256 units, uint256 word) private pure {
        // No cap that was set has windows of no length.
        if ((word >> 188) & _WINDOW_MASK == 0) revert NoCap(token);
        unchecked {
            uint256 unit = uint8(word >> 180);
            uint256 perBlock = (word >> 108) & _AMOUNT_MASK;
            if (units > perBlock - (word & _AMOUNT_MASK))
                revert BlockCapExceeded(token, amount, perBlock << unit);
            revert WindowCapExceeded(token, amount, ((word >> 144) & _AMOUNT_MASK) << unit);
        }
    }
}

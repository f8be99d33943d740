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
    uint256 private constant _AMOUNT_BITS = 36;
    uint256 private constant _AMOUNT_MASK = (1 << _AMOUNT_BITS) - 1;
    uint256 private constant _TAG_MASK = (1 << 24) - 1;
    uint256 private constant _WINDOW_MASK = (1 << 20) - 1;
    /// @dev Both caps, the unit and the length of the window.
    uint256 private constant _SETTINGS_MASK = ((1 << 208) - 1) ^ ((1 << 108) - 1);

    mapping(uint256 token => uint256 word) private _caps;

    /// @inheritdoc IRfqSettlement
    function setCap(
        address token,
        uint256 perBlock,
        uint256 perWindow,
        uint256 windowSeconds
    ) external override onlyOwner {
        if (windowSeconds == 0 || windowSeconds > _WINDOW_MASK) revert BadCapWindow(windowSeconds);
        // Caps are rounded down to the unit, amounts up.
        uint256 larger = perBlock > perWindow ? perBlock : perWindow;
        uint256 unit = 0;
        while (larger >> unit > _AMOUNT_MASK) ++unit;
        _caps[uint160(token)] =
            (windowSeconds << 188) |
            (unit << 180) |
            ((perWindow >> unit) << 144) |
            ((perBlock >> unit) << 108);
        emit CapSet(token, perBlock, perWindow, windowSeconds);
    }

    /// @inheritdoc IRfqSettlement
    function capWord(address token) external view override returns (uint256) {
        return _caps[uint160(token)];
    }

    /// @dev Counts an amount of the token that is about to leave.
    function _consumeCap(uint256 token, uint256 amount) internal {
        uint256 word = _caps[token];
        if (word == 0) revert NoCap(token);
        unchecked {
            // 1. The amount in units, rounded up.
            uint256 unit = uint8(word >> 180);
            uint256 units = amount >> unit;
            if (units << unit != amount) ++units;

            // 2. What earlier use still counts.
            uint256 blockTag = block.number & _TAG_MASK;
            uint256 windowTag = (block.timestamp / ((word >> 188) & _WINDOW_MASK)) & _TAG_MASK;
            uint256 inBlock = (word >> 208) & _TAG_MASK == blockTag ? word & _AMOUNT_MASK : 0;
            uint256 inWindow = (word >> 36) & _AMOUNT_MASK;
            uint256 before = (word >> 72) & _AMOUNT_MASK;
            if (word >> 232 != windowTag) {
                before = ((word >> 232) + 1) & _TAG_MASK == windowTag ? inWindow : 0;
                inWindow = 0;
            }

            // 3. Hold the caps. Units are below 2^256 - 1 only if they pass the first test.
            if (units > _AMOUNT_MASK || inBlock + units > (word >> 108) & _AMOUNT_MASK)
                revert BlockCapExceeded(token, amount, inBlock << unit);
            if (before + inWindow + units > (word >> 144) & _AMOUNT_MASK)
                revert WindowCapExceeded(token, amount, (before + inWindow) << unit);

            // 4. Write it down.
            _caps[token] =
                (word & _SETTINGS_MASK) |
                (windowTag << 232) |
                (blockTag << 208) |
                (before << 72) |
                ((inWindow + units) << 36) |
                (inBlock + units);
        }
    }
}

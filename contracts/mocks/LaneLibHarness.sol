// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LaneLib} from "../modules/LaneLib.sol";

/// @title LaneLib in the open, for comparison with a model
contract LaneLibHarness {
    function burn(uint256 word, uint256 nonce) external pure returns (uint256) {
        return LaneLib.burn(word, nonce);
    }

    function kill(uint256 word, uint256 nonce) external pure returns (uint256) {
        return LaneLib.kill(word, nonce);
    }

    function killMask(uint256 word, uint256 first, uint256 mask) external pure returns (uint256) {
        return LaneLib.killMask(word, first, mask);
    }

    function isLive(uint256 word, uint256 nonce) external pure returns (bool) {
        return LaneLib.isLive(word, nonce);
    }
}

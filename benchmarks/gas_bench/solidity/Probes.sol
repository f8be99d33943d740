// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.23;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice The least that any settlement of two allowances can do: two `transferFrom`, no check of anything.
contract TwoTransfers {
    function swap(address maker, IERC20 base, IERC20 quote, uint256 making, uint256 taking) external {
        base.transferFrom(maker, msg.sender, making);
        quote.transferFrom(msg.sender, maker, taking);
    }
}

/// @notice What reading a Chainlink feed costs by itself, with the feed and its aggregator still cold.
contract FeedProbe {
    /// @return spent gas of one bare `latestRoundData()` call, all five words copied to memory
    function cost(address feed) external view returns (uint256 spent) {
        assembly ("memory-safe") {
            mstore(0, 0xfeaf968c00000000000000000000000000000000000000000000000000000000)
            let data := mload(0x40)
            let before := gas()
            let ok := staticcall(gas(), feed, 0, 4, data, 0xa0)
            spent := sub(before, gas())
            if iszero(ok) {
                revert(0, 0)
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockMood} from "./MockMood.sol";

/// @title A Chainlink feed that says what it is told, or nothing
contract MockMoodyFeed is MockMood {
    uint8 public immutable decimals;
    int256 private _value;
    uint256 private _updatedAt;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function setAnswer(int256 value, uint256 updatedAt) external {
        (_value, _updatedAt) = (value, updatedAt);
    }

    function latestRoundData()
        external
        view
        moody
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return (1, _value, _updatedAt, _updatedAt, 1);
    }
}

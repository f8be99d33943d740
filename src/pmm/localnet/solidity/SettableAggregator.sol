// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A Chainlink aggregator whose answer one account sets
/// @notice Installed behind a real feed proxy on forks of the real chain, by the proxy's impersonated owner.
contract SettableAggregator {
    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    address public immutable reporter;
    uint8 public immutable decimals;
    uint256 public constant version = 4;
    string public description;
    uint256 public latestRound;
    mapping(uint256 => Round) private _rounds;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);

    error NotReporter(address caller);
    error NoDataPresent();

    constructor(address reporter_, uint8 decimals_, string memory description_) {
        reporter = reporter_;
        decimals = decimals_;
        description = description_;
    }

    function setAnswer(int256 answer) external {
        if (msg.sender != reporter) revert NotReporter(msg.sender);
        uint256 roundId = ++latestRound;
        _rounds[roundId] = Round(answer, block.timestamp);
        emit NewRound(roundId, msg.sender, block.timestamp);
        emit AnswerUpdated(answer, roundId, block.timestamp);
    }

    function latestAnswer() external view returns (int256) {
        return _rounds[latestRound].answer;
    }

    function latestTimestamp() external view returns (uint256) {
        return _rounds[latestRound].updatedAt;
    }

    function getAnswer(uint256 roundId) external view returns (int256) {
        return _rounds[roundId].answer;
    }

    function getTimestamp(uint256 roundId) external view returns (uint256) {
        return _rounds[roundId].updatedAt;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData(latestRound);
    }

    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData(roundId);
    }

    function _roundData(uint256 roundId) private view returns (uint80, int256, uint256, uint256, uint80) {
        Round memory round = _rounds[roundId];
        if (round.updatedAt == 0) revert NoDataPresent();
        return (uint80(roundId), round.answer, round.updatedAt, round.updatedAt, uint80(roundId));
    }
}

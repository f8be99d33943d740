// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A Chainlink feed that answers, fails or calls out as its oddity says
contract MockOddFeed {
    enum Oddity {
        None,
        Reverts,
        AnswersFourWords,
        AnswersSixWords,
        CallsBack
    }

    /// @dev Far out of any band.
    int256 private constant _ABSURD = 1 << 112;

    uint8 public decimals;
    Oddity public oddity;
    int256 private _value;
    uint256 private _updatedAt;
    address private _target;
    bytes private _data;
    bytes private _expected;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function setDecimals(uint8 decimals_) external {
        decimals = decimals_;
    }

    function setAnswer(int256 value, uint256 updatedAt) external {
        (_value, _updatedAt) = (value, updatedAt);
    }

    /// @notice For CallsBack: the call made while the feed is read, and what it must revert with; else the answer
    /// is absurd.
    function setOddity(
        Oddity oddity_,
        address target,
        bytes calldata data,
        bytes calldata expected
    ) external {
        oddity = oddity_;
        (_target, _data, _expected) = (target, data, expected);
    }

    function latestRoundData() external view returns (uint256, int256, uint256, uint256, uint256) {
        int256 value = _value;
        if (oddity == Oddity.Reverts) revert("feed reverts");
        if (oddity == Oddity.CallsBack && !_isRefused()) value = _ABSURD;
        uint256 words =
            oddity == Oddity.AnswersFourWords
                ? 4
                : oddity == Oddity.AnswersSixWords
                    ? 6
                    : 5;
        bytes memory answer = abi.encode(1, value, _updatedAt, _updatedAt, 1, 1);
        assembly ("memory-safe") {
            return(add(answer, 0x20), mul(words, 0x20))
        }
    }

    function _isRefused() private view returns (bool) {
        (bool ok, bytes memory answer) = _target.staticcall(_data);
        return !ok && keccak256(answer) == keccak256(_expected);
    }
}

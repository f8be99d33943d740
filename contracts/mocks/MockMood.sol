// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Views that misbehave on demand
abstract contract MockMood {
    enum Mood {
        Answers,
        Reverts,
        BurnsGas,
        AnswersOneByte,
        AnswersAtLength
    }

    uint256 private constant _LENGTH = 100_000;

    Mood public mood;

    modifier moody() {
        if (mood == Mood.Reverts) revert("in a mood");
        if (mood == Mood.BurnsGas) _burnGas();
        if (mood == Mood.AnswersOneByte) _answer(1);
        if (mood == Mood.AnswersAtLength) _answer(_LENGTH);
        _;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function _burnGas() private pure {
        assembly ("memory-safe") {
            invalid()
        }
    }

    function _answer(uint256 size) private pure {
        assembly {
            return(0, size)
        }
    }
}

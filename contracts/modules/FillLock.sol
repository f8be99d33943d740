// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";

/// @title One transient lock over all fills
/// @dev Without it a fill nested into a funded one would add to the balances by which the funded one is
/// judged.
abstract contract FillLock is IRfqSettlement {
    /// @dev A full word: a bool would be read again at each write.
    uint256 private transient _lock;

    modifier locked() {
        if (_lock != 0) revert Reentered();
        _lock = 1;
        _;
        _lock = 0;
    }

    modifier whenUnlocked() {
        if (_lock != 0) revert Reentered();
        _;
    }

    /// @inheritdoc IRfqSettlement
    function isLocked() external view override returns (bool) {
        return _lock != 0;
    }
}

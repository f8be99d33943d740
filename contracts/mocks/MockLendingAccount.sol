// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHookedLending} from "../interfaces/IRouterHooks.sol";
import {IApprovable} from "./MockHookedSettlement.sol";

/// @title A lending account that provides out of its own pocket and refuses on demand
contract MockLendingAccount is IHookedLending {
    /// @notice Thrown by `supply` and `repay` when they were told to refuse.
    error DepositRefused(uint256 market, address token, uint256 amount);

    address public immutable SETTLEMENT;
    bool public refuses;
    uint256 public debt = type(uint256).max;
    /// @notice Arguments of the last call, its name first.
    bytes public seen;

    constructor(address settlement) {
        SETTLEMENT = settlement;
    }

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    function setDebt(uint256 debt_) external {
        debt = debt_;
    }

    function provide(uint256 source, address token, uint256 amount) external {
        seen = abi.encode("provide", source, token, amount);
        IApprovable(token).transfer(SETTLEMENT, amount);
    }

    function supply(uint256 market, address token, uint256 amount) external {
        if (refuses) revert DepositRefused(market, token, amount);
        seen = abi.encode("supply", market, token, amount);
    }

    function repay(uint256 market, address token, uint256 amount) external returns (uint256) {
        if (refuses) revert DepositRefused(market, token, amount);
        seen = abi.encode("repay", market, token, amount);
        return amount;
    }

    function debtOf(uint256, address) external view returns (uint256) {
        return debt;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockMood} from "./MockMood.sol";

/// @title An ERC-20 without access control whose views misbehave on demand; its transfers never do
contract MockMoodyToken is MockMood {
    uint8 public immutable decimals;
    mapping(address account => uint256) private _balances;
    mapping(address account => mapping(address spender => uint256)) private _allowances;

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed account, address indexed spender, uint256 amount);

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    /// @notice Sets what an account holds, whatever it held.
    function setBalance(address account, uint256 amount) external {
        _balances[account] = amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        _allowances[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        if (_allowances[from][msg.sender] != type(uint256).max) _allowances[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function balanceOf(address account) external view moody returns (uint256) {
        return _balances[account];
    }

    function allowance(address account, address spender) external view moody returns (uint256) {
        return _allowances[account][spender];
    }

    function _move(address from, address to, uint256 amount) private {
        _balances[from] -= amount;
        _balances[to] += amount;
        emit Transfer(from, to, amount);
    }
}

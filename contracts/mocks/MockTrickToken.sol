// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockCaller} from "./MockCaller.sol";

/// @title An ERC-20 without access control that misbehaves on demand
contract MockTrickToken is MockCaller {
    enum Trick {
        None,
        RefuseTransfer,
        RefuseApproval,
        BurnOneUnitOnTransferFrom,
        CallOnTransfer
    }

    string public constant name = "Trick";
    string public constant symbol = "TRICK";
    uint8 public constant decimals = 18;

    Trick public trick;
    uint256 public totalSupply;
    mapping(address account => uint256) public balanceOf;
    mapping(address account => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed account, address indexed spender, uint256 amount);

    /// @param target called before a transfer with `data` for CallOnTransfer, else unused
    function setTrick(Trick trick_, address target, bytes calldata data) external {
        trick = trick_;
        _setCall(target, data);
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        totalSupply += amount;
        emit Transfer(address(0), to, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        if (trick == Trick.RefuseApproval) return false;
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (trick == Trick.RefuseTransfer) return false;
        if (trick == Trick.CallOnTransfer) _makeCall();
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        if (trick == Trick.BurnOneUnitOnTransferFrom) {
            balanceOf[to] -= 1;
            totalSupply -= 1;
        }
        return true;
    }

    function _move(address from, address to, uint256 amount) private {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }
}

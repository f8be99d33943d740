// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Gives all it has to its heir, who is not asked
contract MockTestator {
    constructor(address payable heir) payable {
        selfdestruct(heir);
    }
}

/// @title Forces its ETH on an account, whatever the account's receive function says
contract MockForcedEth {
    receive() external payable {}

    function force(address payable heir) external {
        new MockTestator{value: address(this).balance}(heir);
    }
}

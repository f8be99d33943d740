// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.23;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

interface IPool {
    function swap(
        address recipient,
        bool zeroForOne,
        int256 amountSpecified,
        uint160 sqrtPriceLimitX96,
        bytes calldata data
    ) external returns (int256 amount0, int256 amount1);
}

/// @notice The second transaction of a desk that fills from inventory: buys the maker asset back from one pool.
contract PoolSwapper {
    uint160 private constant LOWEST_LIMIT = 4295128740;

    address private immutable OWNER = msg.sender;
    IPool private immutable POOL;
    IERC20 private immutable TOKEN_0;

    constructor(IPool pool, IERC20 token0) {
        POOL = pool;
        TOKEN_0 = token0;
    }

    /// @notice Buys exactly `amount1` of token 1 for `recipient`, paid in token 0 out of this contract.
    function buy(address recipient, uint256 amount1) external {
        require(msg.sender == OWNER);
        POOL.swap(recipient, true, -int256(amount1), LOWEST_LIMIT, "");
    }

    function uniswapV3SwapCallback(int256 amount0, int256, bytes calldata) external {
        require(msg.sender == address(POOL));
        TOKEN_0.transfer(msg.sender, uint256(amount0));
    }
}

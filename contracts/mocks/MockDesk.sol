// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
}

interface IFeed {
    function decimals() external view returns (uint8);
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

interface IDecimals {
    function decimals() external view returns (uint8);
}

/// @title The settlement contract as LendingAccount and DeltaHedger see it: roles, feeds, moves to the account
/// @notice For tests of the two on their own. Roles are as given, feeds are read as RfqSettlement reads them.
contract MockDesk {
    struct Feed {
        address feed;
        uint24 heartbeat;
        uint8 exponent;
    }

    error FeedMissing(address token);
    error FeedStale(address token, uint256 updatedAt);
    error FeedNotPositive(address token, int256 answer);

    address public owner;
    address public guardian;
    address public operator;
    address public routerHooks;
    mapping(address token => Feed) public feeds;

    constructor(address owner_, address guardian_, address operator_, address routerHooks_) {
        (owner, guardian, operator, routerHooks) = (owner_, guardian_, operator_, routerHooks_);
    }

    function setFeed(address token, address feed, uint24 heartbeat) external {
        uint8 exponent = IDecimals(token).decimals() + IFeed(feed).decimals();
        feeds[token] = Feed(feed, heartbeat, exponent);
    }

    function move(address token, address to, uint256 amount) external {
        require(IToken(token).transfer(to, amount), "transfer refused");
    }

    function fairTakingAmount(
        address makerAsset,
        address takerAsset,
        uint256 makingAmount
    ) external view returns (uint256) {
        (uint256 makerPrice, uint256 makerExponent) = _price(makerAsset);
        (uint256 takerPrice, uint256 takerExponent) = _price(takerAsset);
        return (makingAmount * makerPrice * 10 ** takerExponent) / (takerPrice * 10 ** makerExponent);
    }

    function _price(address token) private view returns (uint256 price, uint256 exponent) {
        Feed memory feed = feeds[token];
        if (feed.feed == address(0)) revert FeedMissing(token);
        (, int256 answer, , uint256 updatedAt, ) = IFeed(feed.feed).latestRoundData();
        if (answer <= 0) revert FeedNotPositive(token, answer);
        if (block.timestamp > updatedAt + feed.heartbeat) revert FeedStale(token, updatedAt);
        return (uint256(answer), feed.exponent);
    }
}

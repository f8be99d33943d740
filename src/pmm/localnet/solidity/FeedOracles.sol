// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.19;

interface IFeed {
    function decimals() external view returns (uint8);
    function latestAnswer() external view returns (int256);
}

/// @notice Reads a Chainlink proxy as an unsigned price with 18 decimals; a price of zero or less reverts.
library FeedLib {
    function priceWad(IFeed feed) internal view returns (uint256) {
        int256 answer = feed.latestAnswer();
        require(answer > 0, "feed without a price");
        return uint256(answer) * 10 ** (18 - feed.decimals());
    }
}

/// @notice Prices Compound V2 markets from Chainlink feeds, in the scale that the Comptroller expects.
contract CompoundFeedOracle {
    using FeedLib for IFeed;

    struct Source {
        IFeed feed;
        uint8 underlyingDecimals;
    }

    bool public constant isPriceOracle = true;
    mapping(address cToken => Source) public sourceOf;

    constructor(address[] memory cTokens, IFeed[] memory feeds, uint8[] memory underlyingDecimals) {
        for (uint256 i; i < cTokens.length; ++i) {
            sourceOf[cTokens[i]] = Source(feeds[i], underlyingDecimals[i]);
        }
    }

    /// @return USD per whole underlying, scaled by 10^(36 - underlying decimals); 0 for an unknown market.
    function getUnderlyingPrice(address cToken) external view returns (uint256) {
        Source memory source = sourceOf[cToken];
        if (address(source.feed) == address(0)) return 0;
        return source.feed.priceWad() * 10 ** (18 - source.underlyingDecimals);
    }
}

/// @notice Prices one Morpho market from two Chainlink feeds.
contract MorphoFeedOracle {
    using FeedLib for IFeed;

    IFeed public immutable collateralFeed;
    IFeed public immutable loanFeed;
    uint256 private immutable _scale;

    constructor(IFeed collateralFeed_, uint8 collateralDecimals, IFeed loanFeed_, uint8 loanDecimals) {
        collateralFeed = collateralFeed_;
        loanFeed = loanFeed_;
        _scale = 10 ** (36 + loanDecimals - collateralDecimals);
    }

    /// @return Loan base units per collateral base unit, scaled by 1e36.
    function price() external view returns (uint256) {
        return (collateralFeed.priceWad() * _scale) / loanFeed.priceWad();
    }
}

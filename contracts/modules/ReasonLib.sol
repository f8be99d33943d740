// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Bits and names of the reasons of `checkOrder` and `checkRouterOrder`
/// @dev Table in interfaces/ISettlementLens.sol. Bits are only ever appended: programs store them.
library ReasonLib {
    uint256 internal constant MAKER = 1 << 0;
    uint256 internal constant RECEIVER = 1 << 1;
    uint256 internal constant TRAITS = 1 << 2;
    uint256 internal constant EXPIRED = 1 << 3;
    uint256 internal constant EXPIRY_TOO_FAR = 1 << 4;
    uint256 internal constant PRIVATE = 1 << 5;
    uint256 internal constant MAKER_ASSET = 1 << 6;
    uint256 internal constant TAKER_ASSET = 1 << 7;
    uint256 internal constant SAME_ASSET = 1 << 8;
    uint256 internal constant SIGNATURE = 1 << 9;
    uint256 internal constant UNKNOWN_SIGNER = 1 << 10;
    uint256 internal constant PAUSED = 1 << 11;
    uint256 internal constant EPOCH = 1 << 12;
    uint256 internal constant NONCE = 1 << 13;
    uint256 internal constant EXTENSION = 1 << 14;
    uint256 internal constant AMOUNT = 1 << 15;
    uint256 internal constant PARTIAL = 1 << 16;
    uint256 internal constant INVENTORY = 1 << 17;
    uint256 internal constant TAKER_BALANCE = 1 << 18;
    uint256 internal constant TAKER_ALLOWANCE = 1 << 19;
    uint256 internal constant NO_HEDGER = 1 << 20;
    uint256 internal constant LOCKED = 1 << 21;
    uint256 internal constant FILL_TOO_SMALL = 1 << 22;
    uint256 internal constant DECAYED_AWAY = 1 << 23;
    uint256 internal constant NO_BAND = 1 << 24;
    uint256 internal constant OUTSIDE_BAND = 1 << 25;
    uint256 internal constant FEED = 1 << 26;
    uint256 internal constant NO_CAP = 1 << 27;
    uint256 internal constant BLOCK_CAP = 1 << 28;
    uint256 internal constant WINDOW_CAP = 1 << 29;
    uint256 internal constant HOOK_REQUIRED = 1 << 30;
    uint256 internal constant ROUTER_ALLOWANCE = 1 << 31;
    uint256 internal constant REFUSED = 1 << 32;
    uint256 internal constant NO_POOL = 1 << 33;

    uint256 private constant _COUNT = 34;

    /// @notice Names of the set bits, lowest first; a bit without a name is called UNNAMED.
    function names(uint256 reasons) internal pure returns (string[] memory found) {
        unchecked {
            uint256 count = 0;
            for (uint256 rest = reasons; rest != 0; rest &= rest - 1) ++count;
            found = new string[](count);
            string[_COUNT] memory all = _names();
            uint256 next = 0;
            for (uint256 bit = 0; bit < 256; ++bit) {
                if ((reasons >> bit) & 1 != 0) found[next++] = bit < _COUNT ? all[bit] : "UNNAMED";
            }
        }
    }

    function _names() private pure returns (string[_COUNT] memory) {
        return
            [
                "MAKER",
                "RECEIVER",
                "TRAITS",
                "EXPIRED",
                "EXPIRY_TOO_FAR",
                "PRIVATE",
                "MAKER_ASSET",
                "TAKER_ASSET",
                "SAME_ASSET",
                "SIGNATURE",
                "UNKNOWN_SIGNER",
                "PAUSED",
                "EPOCH",
                "NONCE",
                "EXTENSION",
                "AMOUNT",
                "PARTIAL",
                "INVENTORY",
                "TAKER_BALANCE",
                "TAKER_ALLOWANCE",
                "NO_HEDGER",
                "LOCKED",
                "FILL_TOO_SMALL",
                "DECAYED_AWAY",
                "NO_BAND",
                "OUTSIDE_BAND",
                "FEED",
                "NO_CAP",
                "BLOCK_CAP",
                "WINDOW_CAP",
                "HOOK_REQUIRED",
                "ROUTER_ALLOWANCE",
                "REFUSED",
                "NO_POOL"
            ];
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementErrors} from "../interfaces/ISettlementErrors.sol";
import {Order} from "../interfaces/IRfqSettlement.sol";

/// @title Hash, traits, call arguments and extension of an order
/// @dev Bit tables in contracts/README.md.
library OrderLib {
    /// @dev keccak256 of 1inch's type string: "Order(uint256 salt,address maker,address receiver,address
    /// makerAsset, address takerAsset,uint256 makingAmount,uint256 takingAmount,uint256 makerTraits)",
    /// without the line break
    bytes32 internal constant TYPEHASH = 0x3af21ec5a20011b88d3b7b4ed7c806cef05a5980cf34974bcd53566a131f7e4c;

    // makerTraits
    uint256 internal constant NO_PARTIAL_FILLS = 1 << 255;
    uint256 internal constant HAS_EXTENSION = 1 << 249;
    uint256 internal constant PRE_INTERACTION = 1 << 252;
    uint256 internal constant POST_INTERACTION = 1 << 251;
    uint256 internal constant MINIMUM_RATIO_MASK = uint256(type(uint8).max) << 200;
    uint256 internal constant DECAY_MASK = ((1 << 39) - 1) << 208;
    /// @dev All bits but NO_PARTIAL_FILLS, HAS_EXTENSION and the fields below bit 247.
    uint256 internal constant REFUSED_TRAITS = ~(NO_PARTIAL_FILLS | HAS_EXTENSION | ((1 << 247) - 1));
    /// @dev On 1inch's contract hooks are possible and decay is not.
    uint256 internal constant REFUSED_ROUTER_TRAITS =
        (REFUSED_TRAITS | DECAY_MASK) & ~(PRE_INTERACTION | POST_INTERACTION);
    uint256 internal constant HOOK_TRAITS = HAS_EXTENSION | PRE_INTERACTION | POST_INTERACTION;
    uint256 internal constant SENDER_MASK = type(uint80).max;
    /// @dev What a plain order, open to anyone, leaves clear.
    uint256 internal constant NOT_PLAIN =
        REFUSED_TRAITS | HAS_EXTENSION | DECAY_MASK | MINIMUM_RATIO_MASK | SENDER_MASK;

    // takerTraits
    uint256 internal constant UNWRAP_WETH = 1 << 254;
    uint256 internal constant USE_PERMIT2 = 1 << 252;
    uint256 internal constant ARGS_HAS_TARGET = 1 << 251;
    uint256 internal constant INTERACTION_LENGTH_MASK = uint256(type(uint24).max) << 200;
    uint256 internal constant EXTENSION_LENGTH_MASK = uint256(type(uint24).max) << 224;
    /// @dev What a plain call leaves clear.
    uint256 internal constant NOT_PLAIN_CALL =
        UNWRAP_WETH | USE_PERMIT2 | ARGS_HAS_TARGET | EXTENSION_LENGTH_MASK | INTERACTION_LENGTH_MASK;
    uint256 internal constant REFUSED_FUNDED_TRAITS = USE_PERMIT2 | UNWRAP_WETH | INTERACTION_LENGTH_MASK;

    // extension
    uint256 internal constant PRIVATE_TAKER = 1;
    uint256 internal constant FUNDING_PLAN = 2;

    /// @notice EIP-712 digest of the raw order words under the given domain.
    function digest(Order calldata order, bytes32 separator) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, TYPEHASH)
            calldatacopy(add(data, 0x20), order, 0x100)
            mstore(add(data, 0x22), keccak256(data, 0x120))
            mstore(data, 0x1901000000000000000000000000000000000000000000000000000000000000)
            mstore(add(data, 0x02), separator)
            hash := keccak256(data, 0x42)
        }
    }

    /// @notice The same of an order whose maker is this contract and whose receiver is zero.
    function ownDigest(
        bytes32 separator,
        uint256 salt,
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 making,
        uint256 taking,
        uint256 traits
    ) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, TYPEHASH)
            mstore(add(data, 0x20), salt)
            mstore(add(data, 0x40), address())
            mstore(add(data, 0x60), 0)
            mstore(add(data, 0x80), makerAsset)
            mstore(add(data, 0xa0), takerAsset)
            mstore(add(data, 0xc0), making)
            mstore(add(data, 0xe0), taking)
            mstore(add(data, 0x100), traits)
            mstore(add(data, 0x22), keccak256(data, 0x120))
            mstore(data, 0x1901000000000000000000000000000000000000000000000000000000000000)
            mstore(add(data, 0x02), separator)
            hash := keccak256(data, 0x42)
        }
    }

    function series(uint256 traits) internal pure returns (uint256) {
        return uint40(traits >> 160);
    }

    function nonce(uint256 traits) internal pure returns (uint256) {
        return uint40(traits >> 120);
    }

    function expiration(uint256 traits) internal pure returns (uint256) {
        return uint40(traits >> 80);
    }

    function isAllowedSender(uint256 traits, address sender) internal pure returns (bool) {
        uint256 allowed = traits & SENDER_MASK;
        return allowed == 0 || allowed == uint80(uint160(sender));
    }

    function signedEpoch(uint256 salt) internal pure returns (uint256) {
        return uint32(salt >> 160);
    }

    /// @notice Cuts args into target, extension and interaction; not a byte may be missing or left over.
    function parseArgs(
        uint256 takerTraits,
        bytes calldata args,
        address taker
    ) internal pure returns (address target, bytes calldata extension, bytes calldata interaction) {
        uint256 start = takerTraits & ARGS_HAS_TARGET == 0 ? 0 : 20;
        uint256 middle;
        uint256 end;
        unchecked {
            // Two lengths of 24 bits.
            middle = start + uint24(takerTraits >> 224);
            end = middle + uint24(takerTraits >> 200);
        }
        if (args.length != end) revert ISettlementErrors.BadArgs(end, args.length);
        target = start == 0 ? taker : address(uint160(_word(args, 0) >> 96));
        if (target == address(0)) revert ISettlementErrors.ZeroAddress();
        // args[start:middle] and args[middle:end], whose bounds hold since `end` is the length.
        assembly ("memory-safe") {
            extension.offset := add(args.offset, start)
            extension.length := sub(middle, start)
            interaction.offset := add(args.offset, middle)
            interaction.length := sub(end, middle)
        }
    }

    /// @notice Requires the extension to be the signed one.
    function requireExtension(uint256 salt, uint256 traits, bytes calldata extension) internal pure {
        if (traits & HAS_EXTENSION == 0) {
            if (extension.length != 0) revert ISettlementErrors.UnexpectedExtension(extension.length);
            return;
        }
        if (extension.length == 0) revert ISettlementErrors.MissingExtension();
        uint256 hash = uint256(keccak256(extension));
        if (uint160(hash) != uint160(salt)) revert ISettlementErrors.ExtensionHashMismatch(salt, hash);
    }

    /// @notice Decodes the custom data of an extension of our domain; an empty extension allows anyone and
    /// plans nothing.
    /// @return ok whether the layout is the published one
    /// @return taker the only taker, or zero
    /// @return funding the plan word and the route behind it, empty without a plan
    function decodeExtension(
        bytes calldata extension
    ) internal pure returns (bool ok, address taker, bytes calldata funding) {
        funding = extension[:0];
        if (extension.length == 0) return (true, address(0), funding);
        if (extension.length < 33) return (false, address(0), funding);
        uint256 flags = _word(extension, 32) >> 248;
        uint256 cursor = flags & PRIVATE_TAKER == 0 ? 33 : 53;
        ok =
            _word(extension, 0) == 0 &&
            flags != 0 &&
            flags <= (PRIVATE_TAKER | FUNDING_PLAN) &&
            (flags & FUNDING_PLAN != 0 ? extension.length >= cursor + 32 : extension.length == cursor);
        if (!ok) return (false, address(0), funding);
        if (flags & PRIVATE_TAKER != 0) {
            taker = address(uint160(_word(extension, 33) >> 96));
            // Zero means "anyone" to the callers: a private order for nobody must not become a public one.
            if (taker == address(0)) return (false, address(0), funding);
        }
        assembly ("memory-safe") {
            // extension[cursor:], not before its end
            funding.offset := add(extension.offset, cursor)
            funding.length := sub(extension.length, cursor)
        }
    }

    /// @notice Requires an extension on 1inch's contract to hold our hooks and nothing else.
    /// @param hooks the registered hooks contract
    function requireHooks(uint256 traits, bytes calldata extension, address hooks) internal pure {
        if (extension.length < 32) revert ISettlementErrors.BadExtension(extension.length);
        // Ends of the eight fields, the first in the lowest 32 bits: six empty ones, pre-, postInteraction.
        uint256 ends = uint256(bytes32(extension[:32]));
        uint256 middle = uint32(ends >> 192);
        uint256 end = ends >> 224;
        if (uint192(ends) != 0 || middle > end || extension.length != 32 + end)
            revert ISettlementErrors.BadExtension(extension.length);
        _requireHook(traits & PRE_INTERACTION != 0, extension[32:32 + middle], hooks);
        _requireHook(traits & POST_INTERACTION != 0, extension[32 + middle:], hooks);
    }

    function _requireHook(bool announced, bytes calldata data, address hooks) private pure {
        if (!announced && data.length == 0) return;
        if (!announced || data.length < 20 || address(bytes20(data[:20])) != hooks || hooks == address(0))
            revert ISettlementErrors.ForeignHook(data.length < 20 ? address(0) : address(bytes20(data[:20])));
    }

    /// @dev 32 bytes from `offset`; the caller has checked that those it uses lie within `data`.
    function _word(bytes calldata data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(data.offset, offset))
        }
    }
}

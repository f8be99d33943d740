// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {LaneLib} from "./LaneLib.sol";
import {Roles} from "./Roles.sol";

/// @title Signers and their lanes
/// @dev Owner grants, guardian takes away. Every change of a signer writes all its lane words in one call.
abstract contract LaneBook is Roles {
    using LaneLib for uint256;

    struct LaneSlot {
        uint256 word;
    }

    struct SignerRecord {
        uint64 lanes;
        /// One more than the index in the list of active signers; zero when revoked or unknown.
        uint64 position;
    }

    uint256 internal constant MAX_LANES = 64;
    /// @dev Keeps `pauseSigners` and a policy change far below the gas limit of a transaction: 16 x 64 words.
    uint256 internal constant MAX_SIGNERS = 16;

    /// @dev Keyed by signer << 40 | series, so any 40-bit series of an order finds a word, initialised or
    /// zero. An initialised word is never zero, because it carries a horizon.
    mapping(uint256 key => LaneSlot) internal _lanes;
    mapping(address signer => SignerRecord) private _records;
    address[] internal _signers;
    /// @dev Policy bits of the lane words; every lane of an active signer holds a copy.
    uint256 internal _policy;

    /// @inheritdoc IRfqSettlement
    function initLanes(address signer, uint256 count) external override onlyOwner {
        if (signer == address(0)) revert ZeroAddress();
        SignerRecord memory record = _records[signer];
        if (count == 0 || count > MAX_LANES || count < record.lanes) revert BadLaneCount(count, record.lanes);

        // 1. Put the signer on the list of active ones.
        if (record.position == 0) {
            if (_signers.length == MAX_SIGNERS) revert TooManySigners(MAX_SIGNERS);
            _signers.push(signer);
            record.position = uint64(_signers.length);
        }

        // 2. Authorise the lanes it has under the policy of today, which it missed while it was revoked.
        uint256 present = record.lanes;
        if (present != 0) _rewrite(signer, present, ~LaneLib.POLICY_MASK, LaneLib.AUTHORISED | _policy, 0);

        // 3. Add new lanes, in the epoch and the pause of the first one.
        uint256 fresh =
            LaneLib.AUTHORISED | _policy | (_lanes[_key(signer, 0)].word & LaneLib.INHERITED_MASK);
        for (uint256 i = present; i < count; ++i) {
            _lanes[_key(signer, i)].word = fresh;
        }
        record.lanes = uint64(count);
        _records[signer] = record;
        emit LanesInitialised(signer, count);
    }

    /// @inheritdoc IRfqSettlement
    function pauseSigner(address signer) external override onlyReducer {
        _pause(signer);
    }

    /// @inheritdoc IRfqSettlement
    function pauseSigners() external override onlyReducer {
        for (uint256 i = 0; i < _signers.length; ++i) {
            _pause(_signers[i]);
        }
    }

    /// @inheritdoc IRfqSettlement
    function resumeSigner(address signer) external override onlyOwner {
        _rewrite(signer, _lanesOf(signer), ~LaneLib.PAUSED, 0, 0);
        emit SignerResumed(signer);
    }

    /// @inheritdoc IRfqSettlement
    function revokeSigner(address signer) external override onlyReducer {
        _rewrite(signer, _lanesOf(signer), ~LaneLib.AUTHORISED, 0, LaneLib.EPOCH_ONE);
        uint256 position = _records[signer].position;
        if (position != 0) {
            address last = _signers[_signers.length - 1];
            _signers[position - 1] = last;
            _records[last].position = uint64(position);
            _records[signer].position = 0;
            _signers.pop();
        }
        emit SignerRevoked(signer);
    }

    /// @inheritdoc IRfqSettlement
    function cancelAllLanes(address signer) external override onlyCanceller(signer) {
        _rewrite(signer, _lanesOf(signer), type(uint256).max, 0, LaneLib.EPOCH_ONE);
        emit AllLanesCancelled(signer);
    }

    /// @inheritdoc IRfqSettlement
    function cancelLane(address signer, uint40 lane_) external override onlyCanceller(signer) {
        LaneSlot storage slot = _lanes[_key(signer, lane_)];
        uint256 word = slot.word;
        if (word == 0) revert UnknownLane(signer, lane_);
        unchecked {
            word += LaneLib.EPOCH_ONE;
        }
        slot.word = word;
        emit LaneCancelled(signer, lane_, word.epoch());
    }

    /// @inheritdoc IRfqSettlement
    function cancelNonce(uint240 position) external override onlyCanceller(_signerAt(position)) {
        LaneSlot storage slot = _lanes[position >> 40];
        uint256 word = slot.word;
        if (word == 0) revert UnknownLane(_signerAt(position), uint40(position >> 40));
        uint256 next = word.kill(uint40(position));
        if (next == word) return;
        slot.word = next;
        emit NonceCancelled(position);
    }

    /// @inheritdoc IRfqSettlement
    function cancelWindow(
        uint240 position,
        uint168 mask
    ) external override onlyCanceller(_signerAt(position)) {
        LaneSlot storage slot = _lanes[position >> 40];
        uint256 word = slot.word;
        if (word == 0) revert UnknownLane(_signerAt(position), uint40(position >> 40));
        slot.word = word.killMask(uint40(position), mask);
        bytes32 topic = WindowCancelled.selector;
        assembly ("memory-safe") {
            // emit WindowCancelled(position, mask), from scratch space.
            mstore(0x00, position)
            mstore(0x20, mask)
            log1(0x00, 0x40, topic)
        }
    }

    /// @inheritdoc IRfqSettlement
    function laneWord(address signer, uint64 lane_) external view override returns (uint256) {
        return lane_ > type(uint40).max ? 0 : _lanes[_key(signer, lane_)].word;
    }

    /// @inheritdoc IRfqSettlement
    function policyWord() external view override returns (uint256) {
        return _policy;
    }

    /// @inheritdoc IRfqSettlement
    function signerList() external view override returns (address[] memory) {
        return _signers;
    }

    /// @inheritdoc IRfqSettlement
    function numberOfLanes(address signer) external view override returns (uint256) {
        return _records[signer].lanes;
    }

    /// @dev `series` must fit 40 bits, as the field of an order does.
    function _key(address signer, uint256 series) internal pure returns (uint256) {
        return (uint256(uint160(signer)) << 40) | series;
    }

    /// @dev Copies the policy onto all lanes of all active signers.
    function _setPolicy(uint256 policy) internal {
        _policy = policy;
        for (uint256 i = 0; i < _signers.length; ++i) {
            _rewrite(_signers[i], _records[_signers[i]].lanes, ~LaneLib.POLICY_MASK, policy, 0);
        }
    }

    /// @inheritdoc IRfqSettlement
    function setGuards(uint32 guards) external override onlyReducer {
        uint256 bits = uint256(guards) << LaneLib.GUARDS_SHIFT;
        if (guards > LaneLib.GUARDS >> LaneLib.GUARDS_SHIFT) revert BadGuards(guards);
        // The guardian only reduces: what is on stays on.
        if (msg.sender != owner && _policy & LaneLib.GUARDS & ~bits != 0) revert Unauthorised(msg.sender);
        _setPolicy((_policy & ~LaneLib.GUARDS) | bits);
        emit GuardsSet(guards);
    }

    function _pause(address signer) private {
        _rewrite(signer, _lanesOf(signer), type(uint256).max, LaneLib.PAUSED, 0);
        emit SignerPaused(signer);
    }

    /// @dev word := (word & keep | set) + add, on every lane. The epoch would overflow after 2^32 calls only.
    function _rewrite(address signer, uint256 count, uint256 keep, uint256 set, uint256 add) private {
        for (uint256 i = 0; i < count; ++i) {
            LaneSlot storage slot = _lanes[_key(signer, i)];
            unchecked {
                slot.word = ((slot.word & keep) | set) + add;
            }
        }
    }

    function _lanesOf(address signer) private view returns (uint256 count) {
        count = _records[signer].lanes;
        if (count == 0) revert UnknownLane(signer, 0);
    }

    function _signerAt(uint240 position) private pure returns (address) {
        return address(uint160(position >> 80));
    }
}

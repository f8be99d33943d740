"""Hypothesis strategies for orders, domains and keys."""

from __future__ import annotations

from hypothesis import strategies as st

from pmm.domain import (
    UINT256_MAX,
    OrderDomain,
    RfqOrder,
    SigningKey,
    address_from_bytes,
    oneinch_domain,
    settlement_domain,
)
from pmm.domain.signing import CURVE_ORDER

# Plain integers are mostly small: without the second half no example would use the top bits of a word.
uint256 = st.one_of(
    st.integers(min_value=0, max_value=UINT256_MAX),
    st.integers(min_value=1 << 192, max_value=UINT256_MAX),
    st.sampled_from([UINT256_MAX, 1 << 255, (1 << 255) - 1, 1 << 160, (1 << 160) - 1]),
)
amounts = uint256.filter(bool)
addresses = st.binary(min_size=20, max_size=20).map(address_from_bytes)
nonzero_addresses = st.binary(min_size=20, max_size=20).filter(any).map(address_from_bytes)
chain_ids = st.sampled_from([1, 10, 137, 31337, 2**53])


def orders() -> st.SearchStrategy[RfqOrder]:
    """Any order the type admits."""
    return st.builds(
        RfqOrder,
        salt=uint256,
        maker=nonzero_addresses,
        receiver=addresses,
        maker_asset=nonzero_addresses,
        taker_asset=nonzero_addresses,
        making_amount=amounts,
        taking_amount=amounts,
        maker_traits=uint256,
    )


def domains() -> st.SearchStrategy[OrderDomain]:
    """Both venues on several chains."""
    return st.one_of(
        st.builds(oneinch_domain, chain_ids),
        st.builds(settlement_domain, chain_ids, nonzero_addresses),
    )


def keys() -> st.SearchStrategy[SigningKey]:
    """Any private key."""
    numbers = st.integers(min_value=1, max_value=CURVE_ORDER - 1)
    return numbers.map(lambda number: SigningKey(number.to_bytes(32, "big")))

"""Stoikov's micro-price: where the mid is expected to end up, from a Markov chain of imbalance and spread.

Source: S. Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18
(2018), section 3. Statistics: floats, in the price unit of ``jumps``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pmm.errors import InvalidInput

Matrix = npt.NDArray[np.float64]
_ROW_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroPriceChain:
    """Transition probabilities between states of the book, one state per bucket of (imbalance, spread).

    Attributes:
        stays: Q, from state to state while the mid does not move.
        moves: R1, from state to the mid's jump, in the order of ``jumps``.
        jumps: K, changes of the mid.
        moves_to: R2, from state to state while the mid moves.

    Raises InvalidInput unless shapes agree and each state's probabilities sum to 1 both ways.
    """

    stays: Matrix
    moves: Matrix
    jumps: Matrix
    moves_to: Matrix

    def __post_init__(self) -> None:
        states = len(self.stays)
        shapes = (self.stays.shape, self.moves.shape, self.moves_to.shape)
        if shapes != ((states, states), (states, len(self.jumps)), (states, states)):
            raise InvalidInput(f"micro-price chain: expected matrices of {states} states, found {shapes}")
        for name, other in (("moves", self.moves), ("moves_to", self.moves_to)):
            total = self.stays.sum(axis=1) + other.sum(axis=1)
            if not np.allclose(total, 1.0, rtol=0, atol=_ROW_TOLERANCE):
                raise InvalidInput(
                    f"micro-price chain: expected stays and {name} to sum to 1 per state, found {total.tolist()}"
                )

    def adjustments(self, *, rounds: int = 6) -> Matrix:
        """Return micro-price less mid per state: ``sum of B**(i-1) G1 for i up to rounds``.

        ``G1 = (1-Q)**-1 R1 K`` and ``B = (1-Q)**-1 R2``. It converges only for symmetrised data, where ``G1``
        has no part along B's eigenvector of eigenvalue 1; raises InvalidInput for a state that is never left.
        """
        away = np.eye(len(self.stays)) - self.stays
        try:
            term = np.linalg.solve(away, self.moves @ self.jumps)
            step = np.linalg.solve(away, self.moves_to)
        except np.linalg.LinAlgError as error:
            raise InvalidInput(
                "micro-price chain: expected every state to be left, found one that is not"
            ) from error
        total = term.copy()
        for _ in range(rounds - 1):
            term = step @ term
            total += term
        return np.asarray(total, dtype=np.float64)

    def next_state_eigenvalues(self) -> Matrix:
        """Return the eigenvalues of B, largest first; the first is 1."""
        away = np.eye(len(self.stays)) - self.stays
        values = np.linalg.eigvals(np.linalg.solve(away, self.moves_to))
        return np.sort(values.real)[::-1]

"""``kill -9`` at every step of admission: no signature left without a reservation, no nonce twice, a journal to read.

Short here; ``make test-crash`` kills thousands (``PMM_CRASH_KILLS`` per database).
"""

import os

import pytest

from tests.helpers.crashes import STEPS, run_campaign
from tests.helpers.journal_places import Place

_KILLS = int(os.environ.get("PMM_CRASH_KILLS", "120"))


@pytest.mark.timeout(0)
def test_firm_quote__killed_at_every_step__leaves_nothing_that_is_not_reserved(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_campaign(place, kills=_KILLS, seed=1)
    with capsys.disabled():
        print(f"\n{type(place).__name__}: {found}")
    assert set(found["by_step"]) == {*STEPS, "any moment"}
    assert found["signed"] > _KILLS


def test_campaign__signature_leaves_before_the_commit__is_found(place: Place) -> None:
    """Planted fault: the same campaign over a desk that answers with a signature and waits for no commit."""
    # Found by what is missing in the journal, or by the journal, which is told of the end of what it does not have.
    with pytest.raises(
        AssertionError, match=r"a signature without a reservation|no quote 0x\w+ that could end"
    ):
        run_campaign(place, kills=48, seed=2, answer_early=True)

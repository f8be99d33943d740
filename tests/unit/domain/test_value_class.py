"""Value classes are frozen data classes to everybody but the processor."""

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain.value_class import set_field, value_class


@value_class(frozen=True, slots=True, kw_only=True)
class _Fast:
    """What it is."""

    zeta: int
    alpha: str = "a"
    beta: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.zeta < 0:
            raise ValueError("zeta")
        set_field(self, "alpha", self.alpha.upper())

    @property
    def doubled(self) -> int:
        return self.zeta * 2

    @classmethod
    def one(cls) -> "_Fast":
        return cls(zeta=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    zeta: int
    alpha: str = "a"
    beta: tuple[int, ...] = ()


@value_class(frozen=True, slots=True, kw_only=True)
class _Nested:
    inner: _Fast
    other: _Fast = _Fast(zeta=3)
    seen: dict[str, int] = field(default_factory=dict)


@given(st.integers(0), st.integers(0), st.text(), st.text())
def test_value__any_two__are_equal_and_hashed_as_data_classes_are(a: int, b: int, x: str, y: str) -> None:
    first, second = _Fast(zeta=a, alpha=x), _Fast(zeta=b, alpha=y)
    same = _Plain(zeta=a, alpha=x.upper()) == _Plain(zeta=b, alpha=y.upper())
    assert (first == second) is same
    assert not same or hash(first) == hash(second)
    plain: object = _Plain(zeta=a, alpha=x.upper())
    assert first != plain
    assert repr(first) == repr(plain).replace("_Plain", "_Fast")


def test_value__the_dataclasses_module__takes_it() -> None:
    value = _Nested(inner=_Fast.one())
    assert is_dataclass(value)
    assert [one.name for one in fields(value)] == ["inner", "other", "seen"]
    assert replace(value, seen={"a": 1}).seen == {"a": 1}
    assert asdict(_Fast.one()) == {"zeta": 1, "alpha": "A", "beta": ()}
    assert _Fast.__slots__ == ("zeta", "alpha", "beta")
    assert (_Fast.__doc__, _Fast.__module__, _Fast.__qualname__) == ("What it is.", __name__, "_Fast")


def test_value__default_factory__makes_one_for_each() -> None:
    first, second = _Nested(inner=_Fast.one()), _Nested(inner=_Fast.one())
    assert first.seen is not second.seen


def test_value__copied_and_pickled__is_the_same() -> None:
    value = _Nested(inner=_Fast(zeta=2), seen={"a": 1})
    assert copy.deepcopy(value) == copy.copy(value) == pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("named", [{}, {"zeta": 1, "gamma": 2}])
def test_value__wrong_fields__raises(named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        _Fast(**named)


def test_value__by_position__raises() -> None:
    with pytest.raises(TypeError):
        _Fast(1)  # type: ignore[call-arg]


def test_value__changed__raises() -> None:
    value: Any = _Fast.one()
    with pytest.raises(FrozenInstanceError, match="zeta"):
        value.zeta = 2
    with pytest.raises(FrozenInstanceError, match="zeta"):
        del value.zeta
    with pytest.raises(FrozenInstanceError):
        value.gamma = 1
    assert value == _Fast.one()


def test_value__a_check_fails__raises() -> None:
    with pytest.raises(ValueError, match="zeta"):
        replace(_Fast.one(), zeta=-1)


def test_value_class__what_it_cannot_be__raises() -> None:
    make: Any = value_class
    with pytest.raises(TypeError, match="expected frozen"):
        make(frozen=False, slots=True, kw_only=True)
    decorate = make(frozen=True, slots=True, kw_only=True)
    with pytest.raises(TypeError, match="expected no base"):
        decorate(type("Derived", (_Plain,), {}))

    class Hidden:
        secret: int = field(default=0, repr=False)

    with pytest.raises(TypeError, match="expected plain fields"):
        decorate(Hidden)

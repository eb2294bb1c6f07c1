"""Records are values, entities are things that change."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from celldsl.structs import entity, field, record, replace, values_of


@record
class Point:
    x: int
    y: int = 0


@record
class Named(Point):
    name: str = "p"
    place: str = field(compare=False, repr=False, kw_only=True)


@record
class Nothing:
    pass


@entity
class Heap:
    items: list[int] = field(default_factory=list)
    largest: int | None = None


def test_records_are_equal_by_class_and_fields() -> None:
    assert Point(1) == Point(x=1, y=0)
    assert hash(Point(1)) == hash(Point(1, 0))
    assert Point(1) != Point(2)
    assert Nothing() == Nothing()
    assert Named(1, place="here") == Named(1, 0, "p", place="there")
    different: Any = Named(1, place="here")
    assert different != Point(1)


def test_records_do_not_change() -> None:
    point: Any = Point(1)
    with pytest.raises(AttributeError, match=r"Point\.x cannot be changed"):
        point.x = 2
    with pytest.raises(AttributeError):
        del point.x
    with pytest.raises(AttributeError):
        point.z = 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: Point(),  # type: ignore[call-arg]
        lambda: Point(1, 2, 3),  # type: ignore[call-arg]
        lambda: Point(1, x=1),  # type: ignore[misc]
        lambda: Point(1, z=3),  # type: ignore[call-arg]
        lambda: Named(1, 2, "n", "here"),  # type: ignore[call-arg]
        lambda: replace(Point(1), z=1),
    ],
)
def test_wrong_arguments_are_refused(call: Any) -> None:
    with pytest.raises(TypeError, match="takes"):
        call()


def test_records_are_shown_and_matched() -> None:
    assert repr(Named(1, place="here")) == "Named(x=1, y=0, name='p')"
    match Named(1, 2, place="here"):
        case Named(x, y, name):
            assert (x, y, name) == (1, 2, "p")
    assert values_of(Named(1, place="here")) == [1, 0, "p", "here"]
    assert values_of(3) == []


def test_records_are_copied_with_changes() -> None:
    assert replace(Point(1), y=3) == Point(1, 3)
    for again in (copy.deepcopy(Point(1, 2)), pickle.loads(pickle.dumps(Point(1, 2)))):
        assert again == Point(1, 2)


def test_a_copy_has_nothing_that_was_worked_out_for_the_first() -> None:
    point = Point(1)
    vars(point)["distance"] = 1.0
    assert vars(replace(point, y=2)) == {"x": 1, "y": 2}


def test_entities_change_and_share_nothing() -> None:
    one, other = Heap(), Heap()
    one.items.append(1)
    one.largest = 1
    assert other.items == [] and other.largest is None
    assert one != Heap([1], 1)
    assert len({one, other}) == 2

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simedge.kernel import BoundedQueue, InputQueue


class Producers:
    """Interleaved admission as bounded channels do it: one generator per frame, blocked on its next row."""

    def __init__(self, visible_max: int) -> None:
        self.visible_max, self.visible, self.ring = visible_max, deque[int](), deque[Iterator[int]]()

    def admit(self) -> None:
        while self.ring and len(self.visible) < self.visible_max:
            producer = self.ring.popleft()
            row = next(producer, None)
            if row is not None:
                self.visible.append(row)
                self.ring.append(producer)

    def offer(self, rows: list[int]) -> None:
        self.ring.append(row for row in rows)
        self.admit()

    def take(self, at_most: int) -> list[int]:
        rows = [self.visible.popleft() for _ in range(min(at_most, len(self.visible)))]
        self.admit()
        return rows

    def remove(self, wanted) -> list[int]:
        rows = [row for row in self.visible if wanted(row)]
        self.visible = deque(row for row in self.visible if not wanted(row))
        self.admit()
        return rows


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.integers(1, 9)),
        st.tuples(st.just("take"), st.integers(0, 9)),
        st.tuples(st.just("accept"), st.integers(0, 5)),
        st.tuples(st.just("remove"), st.integers(2, 4)),
    ),
    max_size=40,
)


@given(st.integers(1, 8), STEPS)
def test_interleaved_admission_is_a_ring_of_producers(visible_max: int, steps: list[tuple[str, int]]) -> None:
    queue, model = InputQueue(visible_max), Producers(visible_max)
    born, left = 0, []
    for verb, number in steps:
        rows = list(range(born, born + number))
        if verb == "offer":
            queue.offer(rows)
            model.offer(rows)
            born += number
        elif verb == "accept":
            queue.accept(rows)
            model.visible.extend(rows)
            born += number
        elif verb == "take":
            taken = queue.take(number)
            assert taken == model.take(number)
            left += taken
        else:
            removed = queue.remove(lambda row, number=number: row % number == 0)
            assert removed == model.remove(lambda row, number=number: row % number == 0)
            left += removed
        assert queue.visible == len(model.visible)
        assert queue.backlog == born - len(left)
    while queue.backlog:
        rows = queue.take(3)
        assert rows, "rows wait but none can be taken"
        assert rows == model.take(3)
        left += rows
    assert sorted(left) == list(range(born))  # nothing lost, nothing doubled


def test_an_empty_frame_changes_nothing_even_above_the_cap() -> None:
    queue = InputQueue(1)
    queue.offer([0, 1, 2])
    queue.accept([3])
    queue.offer([])
    assert [queue.take(3) for _ in range(3)] == [[0, 3], [1], [2]]


def test_rows_of_late_frames_overtake_rows_of_early_ones() -> None:
    queue = InputQueue(2)
    queue.offer([0, 1, 2, 3, 4])  # 0 and 1 are visible
    queue.offer([10, 11])
    queue.offer([20])
    assert (queue.visible, queue.backlog) == (2, 8)
    assert [queue.take(1) for _ in range(8)] == [[0], [1], [2], [10], [20], [3], [11], [4]]


def test_fifo_shows_every_row_in_order_of_arrival() -> None:
    queue = InputQueue(2, "fifo")
    for frame in ([0, 1, 2], [3], [4, 5, 6, 7]):
        queue.offer(frame)
    assert (queue.visible, queue.backlog) == (8, 8)
    assert queue.take(5) == [0, 1, 2, 3, 4]
    assert queue.take(99) == [5, 6, 7]
    assert queue.take(1) == []


def test_accepted_rows_stand_above_the_cap_at_the_back() -> None:
    queue = InputQueue(2)
    queue.offer([0, 1, 2])
    queue.accept([100, 101])
    assert (queue.visible, queue.backlog) == (4, 5)
    assert queue.take(1) == [0]
    assert queue.visible == 3  # above the cap no producer moves
    queue.offer([7])
    assert queue.visible == 3
    assert queue.take(2) == [1, 100]
    assert queue.take(9) == [101, 2]
    assert queue.take(9) == [7]


def test_removed_rows_make_places_for_producers() -> None:
    queue = InputQueue(3)
    queue.offer([1, 2, 3, 4, 5])
    assert queue.remove(lambda row: row % 2 == 1) == [1, 3]
    assert queue.take(9) == [2, 4, 5]
    assert queue.remove(lambda row: True) == []


@pytest.mark.parametrize("places", [0, -1])
def test_a_queue_has_a_place(places: int) -> None:
    with pytest.raises(ValueError, match="visible_max"):
        InputQueue(places)
    with pytest.raises(ValueError, match="rows_max"):
        BoundedQueue(places)


@given(
    st.integers(1, 10),
    st.lists(st.tuples(st.sampled_from(["bring", "take"]), st.integers(0, 15)), max_size=40),
)
def test_a_bounded_queue_is_first_in_first_out(rows_max: int, steps: list[tuple[str, int]]) -> None:
    queue, model, born = BoundedQueue(rows_max), [], 0
    for verb, number in steps:
        if verb == "bring":
            rows = list(range(born, born + number))
            queue.bring(rows)
            model += rows
            born += number
        else:
            assert queue.take(number) == model[:number]
            del model[:number]
        assert len(queue) == len(model)
        assert queue.room == max(0, rows_max - len(model))
        assert queue.full == (len(model) >= rows_max)


def test_feeders_are_told_once_in_order_and_only_when_there_is_room() -> None:
    queue, told = BoundedQueue(2), []
    queue.bring([1, 2, 3])
    queue.when_room(lambda: told.append("a"))
    queue.when_room(lambda: told.append("b"))
    queue.take(1)
    queue.wake()
    assert told == []  # two rows in two places
    queue.take(1)
    queue.wake()
    queue.wake()
    assert told == ["a", "b"]


def test_a_feeder_that_finds_it_full_again_waits_again() -> None:
    queue, told = BoundedQueue(1), []

    def feeder(name: str) -> None:
        if queue.full:
            queue.when_room(lambda: feeder(name))
        else:
            told.append(name)
            queue.bring([0])

    queue.bring([0])
    feeder("a")
    feeder("b")
    for expected in (["a"], ["a", "b"]):
        queue.take(1)
        queue.wake()
        assert told == expected

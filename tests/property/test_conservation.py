"""What holds in every run: random topology, trace and policy."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.hardware.profile import read_device
from simedge.policies.video.baselines import CameraOnly, Centralized
from simedge.policies.video.interface import Migration, VideoDecision
from simedge.systems.video.scenario import Dag
from simedge.systems.video.system import VideoSystem
from tests.property.watching import migrating, places, run_stepwise

PARTS = ("queue_s", "camera_s", "network_s", "edge_queue_s", "edge_s")
TINY_S = 1e-9


def moved_s(system: VideoSystem, size: int) -> np.ndarray:
    """Seconds that each row spent in calls to other cameras, those that arrived."""
    seconds = np.zeros(size)
    for camera in system.flow.cameras:
        for taken, batch in camera.moved.entries:
            seconds[batch] += taken
    return seconds


def logged(*logs) -> list[int]:
    return [row for log in logs for _, rows in log.entries for row in rows]


@given(st.data())
def test_every_row_is_somewhere_and_only_once(small_scenario, cases, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    system = small_scenario.build(rows, **case)
    flow = system.flow
    times = np.sort([row[0] for row in rows])

    def look(begin: float, end: float) -> None:
        seen = sum(map(len, places(system))) + sum(len(done) for _, done in flow.done.entries)
        assert int(np.searchsorted(times, begin, "right")) == seen + migrating(system)

    run_stepwise(system, look)
    run = small_scenario.finish(system)
    horizon = case["horizon_s"]
    arrived = int((times < horizon).sum())
    done = ~np.isnan(run.rois["done_s"])
    assert len(run.rois["roi"]) == arrived
    held = Counter(row for place in places(system) for row in place)
    held.update(np.flatnonzero(done).tolist())
    assert set(held.values()) <= {1}
    assert arrived == len(held) + migrating(system)
    moves = run.rois["migrations"]
    assert (
        moves.sum()
        == run.facts["migrated_units"]
        == sum(camera.given_units for camera in flow.cameras) - migrating(system)
    )
    assert run.facts["migration_calls"] == sum(len(camera.moved.entries) for camera in flow.cameras)
    left_home = run.rois["processed_by"].codes != run.rois["camera"].codes
    assert (moves[left_home & (run.rois["cut"] >= 0)] > 0).all()
    for stage in (
        [camera.taken for camera in flow.cameras],
        [camera.executed for camera in flow.cameras],
        [flow.edge.delivered],
        [flow.edge.started],
        [flow.done],
    ):
        entries = logged(*stage)
        assert len(entries) == len(set(entries))
    assert sorted(logged(flow.done)) == np.flatnonzero(done).tolist()


def test_migrated_rows_start_at_once_on_an_idle_camera(small_scenario) -> None:
    """Nine rows at camera_1, of which the batch leaves one; that one goes over at 0.05 s and arrives 3.74 ms later."""

    class OneMove(CameraOnly):
        def due(self, now_s: float) -> bool:
            self.now_s = now_s
            return now_s in (0.0, 0.05)

        def decide(self, observation):
            return super().decide(observation) if self.now_s == 0 else VideoDecision((Migration(0, 1, 5),))

    rows = [(0.0, 0, "other", 2500.0)] * 9
    rois = small_scenario(rows, cameras=("jetson_tx1", "jetson_tx2"), policy=OneMove(), control_delay_s=0.0).rois
    assert rois["processed_by"].codes.tolist() == [0] * 8 + [1]
    assert rois["queue_s"] == pytest.approx([0.0] * 8 + [0.05], abs=1e-12)
    assert rois["network_s"] == pytest.approx([0.0] * 8 + [1.74e-3 + 2e-3], abs=1e-12)
    assert rois["migrations"].tolist() == [0] * 8 + [1]
    assert rois["latency_s"][8] == pytest.approx(0.05374 + 11 * (0.2271e-3 + 0.7572e-3), abs=1e-12)


@pytest.mark.parametrize("horizon_s", [3.0, 0.115])
def test_a_row_that_migrates_twice_waits_in_two_queues(small_scenario, horizon_s: float) -> None:
    """Calls of one ROI take 0.01 s + 0.02 s, and stand behind each other; an engine takes 1 s for two rows

    Rows 2, 3 and 4 leave camera_1 at 0.05 and arrive at camera_2 at 0.08, 0.11 and 0.14; row 2 goes on at 0.1, and
    is at camera_3 at 0.13, where nothing waits.
    """

    class Moves(CameraOnly):
        def due(self, now_s: float) -> bool:
            self.now_s = now_s
            return now_s < 0.12

        def decide(self, observation):
            moves = {0.05: (Migration(0, 1, 3),), 0.1: (Migration(1, 2, 5),)}
            return VideoDecision(moves[self.now_s]) if self.now_s else super().decide(observation)

    run = small_scenario(
        [(0.0, 0, "any", 1000.0)] * 5 + [(0.0, 1, "any", 1000.0)] * 2,
        cameras=("slow",) * 3,
        devices={"slow": (0.5, 0.25)},
        dag=Dag({"A": 1.0}, (), {"any": "A"}),
        camera_batch=2,
        network={"uplink_bps": 4e5, "call_s": 0.01, "call_units": 1},
        policy=Moves(),
        horizon_s=horizon_s,
        control_delay_s=0.0,
    )
    rois = run.rois
    if horizon_s < 1:  # rows 2 and 4 are under way, row 3 has come to camera_2, the others are in batches
        assert rois["migrations"].tolist() == [0, 0, 1, 1, 0, 0, 0]
        assert migrating(run.system) == 2
        assert np.isnan(rois["queue_s"]).tolist() == [False, False, True, True, True, False, False]
        assert all(np.isnan(rois[part]).all() for part in PARTS[1:])
        return
    assert rois["migrations"].tolist() == [0, 0, 2, 1, 1, 0, 0]
    assert rois["processed_by"].codes.tolist() == [0, 0, 2, 1, 1, 1, 1]
    # at camera_1 0.05; at camera_2 from 0.08 to 0.1, from 0.11 to 1 and from 0.14 to 1
    assert rois["queue_s"] == pytest.approx([0, 0, 0.05 + 0.02, 0.05 + 0.89, 0.05 + 0.86, 0, 0], abs=1e-12)
    assert rois["network_s"] == pytest.approx([0, 0, 0.03 + 0.03, 0.06, 0.09, 0, 0], abs=1e-12)
    assert rois["camera_s"] == pytest.approx([1, 1, 0.75, 1, 1, 1, 1], abs=1e-12)
    assert rois["latency_s"] == pytest.approx([1, 1, 0.13 + 0.75, 2, 2, 1, 1], abs=1e-12)


def test_the_bytes_of_a_camera_are_those_of_its_own_link(small_scenario) -> None:
    """A backbone that contends carries what all cameras send, and belongs to none of them."""
    rows = [(0.1 * k, k % 2, "person", 1000.0 * (1 + k % 2)) for k in range(10)]
    case = {"cameras": ("jetson_tx1",) * 2, "policy": Centralized(), "horizon_s": 3.0}
    shared = small_scenario(rows, **case, network={"backbone": "fast_ethernet"})
    assert [len(camera.uplink.links) for camera in shared.system.flow.cameras] == [2, 2]
    assert (shared.rois["network_s"] > small_scenario(rows, **case).rois["network_s"]).all()
    assert shared.facts["bytes"] == {"camera_1": 5000.0, "camera_2": 10000.0}
    free = small_scenario(rows, **case, network={"uplink": "ten_gigabit", "backbone": "fast_ethernet"})
    assert free.facts["bytes"] == {"camera_1": 0.0, "camera_2": 0.0}


@given(st.data())
def test_everything_completes_in_the_end(small_scenario, cases, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    run = small_scenario(rows, **case | {"horizon_s": 400.0, "report_period_s": 0.5})
    assert not np.isnan(run.rois["done_s"]).any()
    assert not any(places(run.system))
    assert run.system.flow.edge.backlog == 0.0


@given(st.data())
def test_latency_is_the_sum_of_its_parts(small_scenario, cases, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    run = small_scenario(rows, **case)
    rois, horizon = run.rois, case["horizon_s"]
    done = ~np.isnan(rois["done_s"])
    assert np.array_equal(done, ~np.isnan(rois["latency_s"]))
    parts = np.array([rois[part] for part in PARTS])
    assert np.abs(parts.sum(axis=0) - rois["latency_s"])[done].max(initial=0.0) <= TINY_S
    assert np.nanmin(parts, initial=0.0) >= -1e-12
    assert (rois["done_s"][done] < horizon).all()
    # A part is known only when the parts before it are, and the first unknown part is where the row is now.
    known = ~np.isnan(parts)
    assert (known[:-1] | ~known[1:]).all()
    assert np.array_equal(known.all(axis=0), done)
    lengths = np.array([len(run.system.flow.pipeline.paths[name]) for name in rois["path"].names])
    whole = rois["cut"] == lengths[rois["path"].codes]
    nothing = rois["cut"] == 0
    assert (rois["camera_s"][nothing] == 0).all()
    for part in ("edge_queue_s", "edge_s"):
        assert (rois[part][whole & done] == 0).all()
    moved = moved_s(run.system, len(done))
    assert rois["network_s"][whole & done] == pytest.approx(moved[whole & done], abs=1e-12)
    assert (moved > 0).tolist() == (rois["migrations"] > 0).tolist() or case["network"]["call_s"] == 0
    assert np.nanmin(rois["network_s"] - moved, initial=0.0) >= -1e-12
    assert np.array_equal(rois["cut"] == -1, np.isnan(rois["queue_s"]))


@given(st.data())
def test_busy_time_is_the_sum_of_services(small_scenario, stage_by_stage, cases, data: st.DataObject) -> None:
    rows, case = data.draw(cases)
    run = small_scenario(rows, **case)
    flow, horizon, rois = run.system.flow, case["horizon_s"], run.rois
    index = {name: k for k, name in enumerate(flow.pipeline.classifiers)}
    costs = list(flow.pipeline.costs.values())
    taken = {row: time for camera in flow.cameras for time, batch in camera.taken.entries for row in batch}

    profiles = {name: read_device(name) for name in {*case["cameras"], case["edge"]}}

    def service(device: str, batch: list[int], edge: bool) -> float:
        profile = profiles[device]
        items = []
        for row in batch:
            path = flow.pipeline.paths[flow.pipeline.names[rois["path"].codes[row]]]
            cut = rois["cut"][row]
            items.append([index[v] for v in (path[cut:] if edge else path[:cut])])
            assert items[-1], "a row in a batch needs something"
        return stage_by_stage(costs, profile.fixed_s, profile.per_item_s, items)

    for camera, device in zip(flow.cameras, case["cameras"], strict=True):
        busy = 0.0
        for end, batch in camera.executed.entries:
            assert len(batch) <= case["camera_batch"]
            seconds = service(device, batch, edge=False)
            (begin,) = {taken[row] for row in batch}  # a batch starts when its rows are taken, all at once
            assert end - begin == pytest.approx(seconds, abs=TINY_S)
            busy += seconds
        if not camera.device.idle:
            (begin,) = {taken[row] for row in camera._batch}
            assert begin + service(device, camera._batch, edge=False) > horizon - TINY_S
            busy += horizon - begin
        assert run.facts["busy_s"][camera.device.name] == pytest.approx(busy, abs=TINY_S)
        assert busy <= horizon + TINY_S

    busy = 0.0
    for begin, batch in flow.edge.started.entries:
        assert len(batch) <= case["edge_batch"]
        end = begin + service(case["edge"], batch, edge=True)
        busy += min(end, horizon) - begin
        if end < horizon - TINY_S:
            assert rois["done_s"][batch] == pytest.approx(end, abs=TINY_S)
        elif end > horizon + TINY_S:
            assert np.isnan(rois["done_s"][batch]).all()
    gpus = [run.facts["busy_s"][f"gpu_{k + 1}"] for k in range(case["gpus"])]
    assert sum(gpus) == pytest.approx(busy, abs=TINY_S)
    assert all(-TINY_S <= value <= horizon + TINY_S for value in gpus)


@given(st.data())
def test_nobody_idles_with_work_in_front_of_room(small_scenario, cases, data: st.DataObject) -> None:
    """Work conservation: engines idle with visible rows only if outbound is full, uplinks with outbound rows only if
    the edge is full, GPUs never while the edge queue holds rows. Nobody waits in the ring in front of a free place.
    """
    rows, case = data.draw(cases)
    system = small_scenario.build(rows, **case)
    cameras, edge, queues = system.flow.cameras, system.flow.edge, case["queues"]
    migrates = hasattr(case["policy"], "asked")

    def look(begin: float, end: float) -> None:
        for camera in cameras:
            assert not (camera.device.idle and camera.queue.visible) or camera.outbound.full
            assert not camera.outbound.rows or camera._call or edge.queue.full
            if camera.queue.backlog > camera.queue.visible:
                assert queues["admission"] == "interleaved"
                assert camera.queue.visible >= queues["camera_units"]
            if not migrates:
                assert queues["admission"] == "fifo" or camera.queue.visible <= queues["camera_units"]
                assert len(camera.outbound) < queues["outbound_units"] + case["camera_batch"]
            if isinstance(case["policy"], Centralized):  # no batch under way can bring more than there is room for
                assert len(camera.outbound) <= queues["outbound_units"]
        assert not (edge.queue.rows and any(gpu.idle for gpu in edge.devices))
        calls = len(cameras) * case["network"]["call_units"]
        assert len(edge.queue) < queues["edge_units"] * case["gpus"] + calls
        assert edge.backlog == pytest.approx(
            sum(system.flow.codes.remaining[system.flow.table.code[row]] for row in edge.queue.rows), abs=TINY_S
        )

    run_stepwise(system, look)


@given(st.data())
@settings(max_examples=20)
def test_stepping_through_a_run_changes_nothing(small_scenario, cases, data: st.DataObject) -> None:
    """Else the tests above would speak of other runs."""
    rows, case = data.draw(cases)
    system = small_scenario.build(rows, **case)
    run_stepwise(system, lambda begin, end: None)
    assert small_scenario.finish(system).fingerprint == small_scenario(rows, **case).fingerprint


@given(st.data())
@settings(max_examples=25)
def test_a_cameras_idle_time_contains_no_waiting_rows(small_scenario, static_cases, data: st.DataObject) -> None:
    """From time stamps alone, with everything on the camera: nobody waits from `arrived` to `taken` in an idle span."""
    rows, case = data.draw(static_cases)
    run = small_scenario(rows, **case | {"policy": CameraOnly(), "horizon_s": 60.0})
    rois = run.rois
    for index, camera in enumerate(run.system.flow.cameras):
        mine = np.flatnonzero(rois["camera"].codes == index)
        taken = rois["arrived_s"][mine] + rois["queue_s"][mine]
        left = taken + rois["camera_s"][mine]
        busy = sorted({(round(begin, 9), round(end, 9)) for begin, end in zip(taken, left, strict=True)})
        idle = [(end, begin) for (_, end), (begin, _) in pairwise(busy)]
        for arrived, start in zip(rois["arrived_s"][mine], taken, strict=True):
            waited = sum(max(0.0, min(start, end) - max(arrived, begin)) for begin, end in idle)
            assert waited <= 1e-7
        assert camera.queue.backlog == 0


@given(st.data())
def test_littles_identity(small_scenario, static_cases, data: st.DataObject) -> None:
    """Sum of sojourns, from time stamps = integral of the number present, from the queues themselves."""
    rows, case = data.draw(static_cases)
    system = small_scenario.build(rows, **case)
    flow, horizon = system.flow, case["horizon_s"]
    count = len(flow.cameras)
    area = np.zeros((3, count + 1))

    def look(begin: float, end: float) -> None:
        for k, camera in enumerate(flow.cameras):
            present = (
                camera.queue.backlog,
                not camera.device.idle and len(camera._batch),
                len(camera.outbound) + len(camera._call),
            )
            area[:, k] += np.array(present) * (end - begin)
        running = sum(
            len(batch) for gpu, batch in zip(flow.edge.devices, flow.edge._running, strict=True) if not gpu.idle
        )
        area[:, count] += np.array([len(flow.edge.queue), running, 0]) * (end - begin)

    run_stepwise(system, look)
    rois = small_scenario.finish(system).rois
    clock = np.concatenate([[rois["arrived_s"]], rois["arrived_s"] + np.cumsum([rois[part] for part in PARTS], axis=0)])
    clock = np.where(np.isnan(clock), horizon, clock)  # what has not ended lasts until the horizon
    spent = np.diff(clock, axis=0)
    for k in range(count):
        mine = rois["camera"].codes == k
        assert spent[:3, mine].sum(axis=1) == pytest.approx(area[:, k], abs=1e-8)
    assert spent[3:].sum(axis=1) == pytest.approx(area[:2, count], abs=1e-8)


@given(st.data())
def test_littles_identity_with_migration(small_scenario, cases, data: st.DataObject) -> None:
    """The same over all cameras: who migrates waits in queues, and in between is in the network."""
    rows, case = data.draw(cases)
    system = small_scenario.build(rows, **case)
    flow, horizon = system.flow, case["horizon_s"]
    area = np.zeros(2)

    def look(begin: float, end: float) -> None:
        queued = sum(camera.queue.backlog for camera in flow.cameras)
        carried = sum(len(camera.outbound) + len(camera._call) for camera in flow.cameras)
        area[:] += np.array([queued, carried + migrating(system)]) * (end - begin)

    run_stepwise(system, look)
    rois = small_scenario.finish(system).rois
    # Of a row that still waits at a camera or is on its way, what it spent follows from its calls, one by one.
    here = {row for camera in flow.cameras for row in camera.queue.rows}
    here |= {row for camera in flow.cameras for producer in camera.queue._ring for row in producer}
    calls = moved_s(system, len(rois["roi"]))
    untaken, known = np.isnan(rois["queue_s"]), ~np.isnan(rois["network_s"])
    left_s = rois["arrived_s"] + rois["queue_s"] + rois["camera_s"]
    in_queues = np.where(untaken, horizon - rois["arrived_s"], rois["queue_s"]).sum() - calls[untaken].sum()
    on_links = np.where(known, rois["network_s"], calls).sum()
    outward = ~known & ~np.isnan(left_s)
    on_links += (horizon - left_s - calls)[outward].sum()
    away = [row for row in np.flatnonzero(untaken) if row not in here]
    assert len(away) == migrating(system)
    if not away:
        assert [in_queues, on_links] == pytest.approx(area.tolist(), abs=1e-8)
    assert in_queues + on_links == pytest.approx(area.sum(), abs=1e-8)


@given(st.data())
def test_reports_say_what_the_time_stamps_say(small_scenario, static_cases, data: st.DataObject) -> None:
    rows, case = data.draw(static_cases)
    run = small_scenario(rows, **case)
    reports, rois = run.columns["reports"], run.rois
    names = [*run.system.flow.names, "edge"]
    assert list(reports["entity"].names) == names
    shape = (-1, len(names))
    times = reports["time_s"].reshape(shape)[:, 0]
    assert times.tolist() == [k * 0.05 for k in range(1, math.ceil(case["horizon_s"] / 0.05))]
    fields = ("queue_units", "arrived_units", "processed_units", "outbound_units")
    queue, arrived, processed, outbound = (reports[field].reshape(shape) for field in fields)
    arrived_s = rois["arrived_s"]
    taken_s = arrived_s + rois["queue_s"]
    left_s = taken_s + rois["camera_s"]
    delivered_s = left_s + rois["network_s"]
    lengths = np.array([len(run.system.flow.pipeline.paths[name]) for name in rois["path"].names])
    delivered_s[rois["cut"] == lengths[rois["path"].codes]] = np.nan  # done on the camera
    started_s = delivered_s + rois["edge_queue_s"]

    def until(stamps: np.ndarray, mine: np.ndarray | slice) -> np.ndarray:
        """Count the stamps before each report; one within rounding of a report counts as either."""
        stamps = np.sort(stamps[mine])
        return np.array([np.searchsorted(stamps, times - 1e-9), np.searchsorted(stamps, times + 1e-9)])

    def between(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        assert (low <= value).all() and (value <= high).all()

    for k in range(len(names) - 1):
        mine = rois["camera"].codes == k
        came, went, left = until(arrived_s, mine), until(taken_s, mine), until(left_s, mine)
        between(np.cumsum(arrived[:, k]), *came)
        between(queue[:, k], came[0] - went[1], came[1] - went[0])
        between(np.cumsum(processed[:, k]), *left)
    came, went, done = (
        until(delivered_s, slice(None)),
        until(started_s, slice(None)),
        until(rois["done_s"], ~np.isnan(delivered_s)),
    )
    between(np.cumsum(arrived[:, -1]), *came)
    between(queue[:, -1], came[0] - went[1], came[1] - went[0])
    between(np.cumsum(processed[:, -1]), *done)
    assert (outbound[:, -1] == 0).all()


@given(st.data())
def test_bytes_in_are_bytes_out(small_scenario, cases, data: st.DataObject) -> None:
    """An uplink has carried the rows its camera delivered to the edge, and migrations, and nothing else."""
    rows, case = data.draw(cases)
    run = small_scenario(rows, **case)
    flow, rois = run.system.flow, run.rois
    delivered = np.zeros(len(rois["roi"]), np.bool_)
    delivered[logged(flow.edge.delivered)] = True
    by = rois["processed_by"].codes
    carried = run.facts["bytes"]
    for k, (name, camera) in enumerate(zip(flow.names, flow.cameras, strict=True)):
        wanted = rois["size_bytes"][delivered & (by == k)].sum()
        wanted += sum(rois["size_bytes"][batch].sum() for _, batch in camera.moved.entries)
        assert carried[name] == pytest.approx(wanted, rel=1e-12)
    if not hasattr(case["policy"], "asked"):
        assert np.array_equal(by, rois["camera"].codes)
        for k, camera in enumerate(flow.cameras):
            (link,) = camera.uplink.links
            assert link.idle == (not camera._call)
            if camera._call:  # under way: started, not yet counted
                assert link.busy_s() <= case["horizon_s"] + TINY_S
            calls = sum(bool(by[batch[0]] == k) for _, batch in flow.edge.delivered.entries)
            assert link.calls == calls

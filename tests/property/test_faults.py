"""Random faults under random policies: every unit is somewhere, is done, or is lost, at every event."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.errors import ConfigError
from simedge.experiment import catalog
from simedge.experiment.build import build
from simedge.kernel import Environment, Streams
from simedge.policies.video.baselines import CameraOnly, Centralized
from simedge.policies.video.distream import Distream
from simedge.systems.faults import Fault, Faults, Injector, RandomFault, plan
from tests.property.watching import migrating, places, run_stepwise

FAULT = st.builds(
    Fault,
    st.sampled_from(["crash", "link_down", "slow"]),
    st.sampled_from(["camera_1", "camera_*", "camera_[12]"]),
    st.floats(0.0, 2.5),
    st.one_of(st.floats(0.01, 2.0), st.just(math.inf)),
    st.sampled_from([0.5, 2.0, 7.0]),
)
GPU_FAULT = st.builds(
    Fault,
    st.sampled_from(["crash", "slow"]),
    st.sampled_from(["gpu_1", "gpu_*"]),
    st.floats(0.0, 2.5),
    st.floats(0.01, 2.0),
    st.sampled_from([0.5, 3.0]),
)
RANDOM = st.builds(
    RandomFault, st.sampled_from(["crash", "link_down", "slow"]), st.just("camera_*"), st.just(0.7), st.just(0.3)
)
FAULTS = st.builds(
    Faults,
    script=st.lists(st.one_of(FAULT, GPU_FAULT), min_size=1, max_size=6).map(tuple),
    random=st.lists(RANDOM, max_size=1).map(tuple),
    loss_probability=st.sampled_from([0.0, 0.0, 0.3]),
    retry_s=st.sampled_from([0.0, 0.1]),
    camera_queue=st.sampled_from(["lost", "kept", "handed_over"]),
    gpu_batch=st.sampled_from(["retried", "lost"]),
    message=st.sampled_from(["resumed", "retried"]),
    detection_s=st.sampled_from([0.01, 0.4]),
)
DISTREAM = st.builds(Distream, beta=st.just(0.0), gamma_s=st.sampled_from([0.05, 0.5]))


def drawn_case(data: st.DataObject, cases: Any) -> tuple[Any, dict[str, Any]]:
    rows, case = data.draw(cases)
    case["faults"] = data.draw(FAULTS)
    if data.draw(st.booleans()):
        case["policy"] = data.draw(DISTREAM)
    case["network"] = {**case["network"], "backbone": data.draw(st.sampled_from(["ten_gigabit", "fast_ethernet"]))}
    return rows, case


@given(st.data())
@settings(max_examples=200)
def test_every_row_is_somewhere_done_or_lost(small_scenario, cases, data: st.DataObject) -> None:
    """200 random schedules of faults x policies; at every event each row is in exactly one place."""
    rows, case = drawn_case(data, cases)
    system = small_scenario.build(rows, **case)
    flow = system.flow
    times = np.sort([row[0] for row in rows])

    def look(begin: float, end: float) -> None:
        held = [row for place in places(system) for row in place]
        ended = [row for log in (flow.done, flow.casualties.lost) for _, batch in log.entries for row in batch]
        limbo = [row for batch in flow.casualties.limbo for row in batch]
        here = [*held, *ended, *limbo]
        assert len(here) == len(set(here))
        assert len(here) + migrating(system) == int(np.searchsorted(times, begin, "right"))
        assert flow.edge.backlog == pytest.approx(
            sum(flow.codes.remaining[flow.table.code[row]] for row in flow.edge.queue.rows), abs=1e-9
        )

    run_stepwise(system, look)
    lost = [row for _, batch in flow.casualties.lost.entries for row in batch]
    run = small_scenario.finish(system)
    rois = run.rois
    done = ~np.isnan(rois["done_s"])
    assert np.flatnonzero(~np.isnan(rois["lost_s"])).tolist() == sorted(lost)
    assert not (done & ~np.isnan(rois["lost_s"])).any()
    assert run.facts["faults"]["lost"] == len(lost) >= run.facts["faults"]["missed"]
    parts = np.array([rois[part] for part in ("queue_s", "camera_s", "network_s", "edge_queue_s", "edge_s")])
    assert np.abs(parts.sum(axis=0) - rois["latency_s"])[done].max(initial=0.0) <= 1e-9
    known = ~np.isnan(parts)
    assert (known[:-1] | ~known[1:]).all()
    assert np.nanmin(parts, initial=0.0) >= -1e-9
    busy_s = run.facts["busy_s"]
    assert all(-1e-9 <= seconds <= case["horizon_s"] + 1e-9 for seconds in busy_s.values())


@given(st.data())
@settings(max_examples=40)
def test_no_fault_leaves_anything_hanging(small_scenario, cases, data: st.DataObject) -> None:
    """When everything has been up again for long, every row is done or lost."""
    rows, case = drawn_case(data, cases)
    script = tuple(replace(one, duration_s=min(one.duration_s, 2.0)) for one in case["faults"].script)
    case["faults"] = replace(case["faults"], script=script, random=())
    run = small_scenario(rows, **case | {"horizon_s": 600.0, "report_period_s": 2.0})
    assert (np.isnan(run.rois["done_s"]) != np.isnan(run.rois["lost_s"])).all()
    assert not any(places(run.system))
    assert migrating(run.system) == 0
    assert not run.system.flow.casualties.limbo


@given(st.data())
@settings(max_examples=30)
def test_faults_are_the_same_whatever_is_recorded(small_scenario, cases, data: st.DataObject) -> None:
    rows, case = drawn_case(data, cases)
    case["policy"] = Distream(beta=0.0, gamma_s=0.1)
    whole = small_scenario(rows, **case)
    summary = small_scenario.build(rows, **case, record="summary")
    summary.run()
    _, facts = summary.finish()
    assert facts["fingerprint"] == whole.fingerprint
    assert facts["faults"] == whole.facts["faults"]
    assert summary.metrics["lost_units"] == np.count_nonzero(~np.isnan(whole.rois["lost_s"]))
    assert summary.metrics["completed_units"] == np.count_nonzero(~np.isnan(whole.rois["done_s"]))
    means = [float(np.sum(whole.rois["queue_s"][~np.isnan(whole.rois["done_s"])])), facts]
    if summary.metrics["completed_units"]:
        assert summary.metrics["queue_s_mean"] * summary.metrics["completed_units"] == pytest.approx(means[0], abs=1e-9)


@pytest.mark.parametrize("policy", sorted(catalog.names("policy", "video")))
def test_every_policy_survives_a_dying_camera(small_scenario, policy: str) -> None:
    """With one of three cameras down from 0.5 s on the others go on, and the policy is told."""
    rng = np.random.Generator(np.random.PCG64(3))
    rows = [(float(time), int(rng.integers(3)), "person", 2500.0) for time in np.sort(rng.uniform(0, 4, 200))]
    chosen = build(catalog.load("policy", policy), catalog.entry("policy", policy).preset)
    for queue in ("lost", "kept", "handed_over"):
        faults = Faults(script=(Fault("crash", "camera_1", 0.5),), camera_queue=queue)
        run = small_scenario(rows, cameras=("jetson_tx1",) * 3, policy=chosen, faults=faults, horizon_s=8.0)
        rois = run.rois
        after = rois["arrived_s"] > 0.5
        mine = rois["camera"].codes == 0
        assert (rois["lost_s"][after & mine] == rois["arrived_s"][after & mine]).all()
        assert not np.isnan(rois["done_s"][~mine]).any() or queue != "handed_over"
        assert run.system.flow.monitor.observe(8.0).online.tolist() == [False, True, True]


def one_camera(small_scenario, faults: Faults, *, rows=None, policy=None, **others: Any):
    """Rows of 1 s each on one camera that takes them one by one."""
    return small_scenario(
        rows or [(0.0, 0, "other", 1000.0)] * 4,
        cameras=("slow",),
        devices={"slow": (0.0, 1 / 11)},
        camera_batch=1,
        policy=policy or CameraOnly(),
        faults=faults,
        horizon_s=30.0,
        control_delay_s=0.0,
        **others,
    )


def test_a_crash_by_hand(small_scenario) -> None:
    """Four rows of 1 s; down from 1.5 s to 4 s, while one more arrives."""
    rows = [(0.0, 0, "other", 1000.0)] * 4 + [(2.0, 0, "other", 1000.0), (5.0, 0, "other", 1000.0)]
    crash = (Fault("crash", "camera_1", 1.5, 2.5),)
    nan = math.nan
    run = one_camera(small_scenario, Faults(crash, camera_queue="lost"), rows=rows)
    assert run.rois["done_s"] == pytest.approx([1.0, nan, nan, nan, nan, 6.0], nan_ok=True)
    assert run.rois["lost_s"] == pytest.approx([nan, 1.5, 1.5, 1.5, 2.0, nan], nan_ok=True)
    said = run.facts["faults"]
    assert (said["lost"], said["missed"], said["retried"], said["delayed"]) == (4, 1, 0, 0)
    assert said["down_s"] == {"crash": {"camera_1": 2.5}}
    assert run.facts["busy_s"]["camera_1"] == pytest.approx(1.0 + 0.5 + 1.0)
    run = one_camera(small_scenario, Faults(crash, camera_queue="kept"), rows=rows)
    assert run.rois["done_s"] == pytest.approx([1.0, 5.0, 6.0, 7.0, nan, 8.0], nan_ok=True)
    said = run.facts["faults"]
    assert (said["lost"], said["missed"], said["retried"], said["delayed"]) == (1, 1, 1, 2)


def test_a_crash_whose_queue_is_handed_over_by_hand(small_scenario) -> None:
    """Noticed half a second later; camera_2 is idle, and gets all three."""
    run = small_scenario(
        [(0.0, 0, "other", 1000.0)] * 4,
        cameras=("slow", "slow"),
        devices={"slow": (0.0, 1 / 11)},
        camera_batch=1,
        policy=CameraOnly(),
        faults=Faults((Fault("crash", "camera_1", 1.5),), camera_queue="handed_over", detection_s=0.5),
        horizon_s=30.0,
    )
    assert run.rois["done_s"] == pytest.approx([1.0, 3.0, 4.0, 5.0])
    assert run.rois["processed_by"].codes.tolist() == [0, 1, 1, 1]
    assert run.rois["queue_s"] == pytest.approx([0.0, 2.0, 3.0, 4.0])
    assert (run.facts["faults"]["lost"], run.facts["faults"]["handed_over"]) == (0, 3)


def test_a_straggler_by_hand(small_scenario) -> None:
    """Half of the second row is done at 1.5 s; the rest takes three times as long, up to 2.75 s."""
    run = one_camera(small_scenario, Faults((Fault("slow", "camera_1", 1.5, 1.25, 3.0),)))
    # at 2.75 s 1.25 / 3 s more of work are done, 1/12 s is left
    assert run.rois["done_s"] == pytest.approx([1.0, 2.75 + 1 / 12, 3.75 + 1 / 12, 4.75 + 1 / 12])
    assert run.facts["faults"]["delayed"] == 1


@pytest.mark.parametrize(("message", "arrives"), [("resumed", 3.0), ("retried", 4.0)])
def test_a_link_outage_by_hand(small_scenario, message: str, arrives: float) -> None:
    """A message of 2 s; the link is down from 1 s to 2 s."""
    run = one_camera(
        small_scenario,
        Faults((Fault("link_down", "camera_1", 1.0, 1.0),), message=message),
        rows=[(0.0, 0, "other", 1000.0)],
        policy=Centralized(),
        network={"uplink_bps": 4000.0, "call_s": 0.0},
    )
    assert run.rois["network_s"] == pytest.approx([arrives])
    said = run.facts["faults"]
    assert (said["delayed"], said["retried"]) == ((1, 0) if message == "resumed" else (0, 1))
    assert run.facts["bytes"] == {"camera_1": 1000.0 if message == "resumed" else 1500.0}


def everybody(*names: str) -> dict[str, list[str]]:
    return {kind: list(names) for kind in ("crash", "slow", "link_down")}


def test_a_link_that_takes_no_time_cannot_go_down_and_the_backbone_is_nobodys(small_scenario) -> None:
    """Messages have left a camera at once: when it crashes, what is on the backbone arrives."""
    network = {"uplink": "ten_gigabit", "backbone": "fast_ethernet", "uplink_bps": None}
    rows = [(0.0, camera, "other", 10_000.0) for camera in (0, 1)]
    given = {"cameras": ("jetson_tx1",) * 2, "policy": Centralized(), "network": network, "horizon_s": 5.0}
    run = small_scenario(rows, **given, faults=Faults((Fault("crash", "camera_1", 0.001),)))
    assert not np.isnan(run.rois["done_s"]).any()
    with pytest.raises(ConfigError, match="names nobody who can have a link_down"):
        small_scenario(rows, **given, faults=Faults((Fault("link_down", "camera_1", 0.001),)))


@dataclass
class Recorded:
    said: list[tuple[float, str, Any]]
    env: Environment

    def break_down(self, kind: str) -> None:
        self.said.append((self.env.now, "down", kind))

    def repair(self, kind: str) -> None:
        self.said.append((self.env.now, "up", kind))

    def slow_down(self, times: float) -> None:
        self.said.append((self.env.now, "slow", times))


def test_overlapping_faults_end_with_the_last() -> None:
    env = Environment()
    entity = Recorded([], env)
    script = (
        Fault("crash", "a", 1.0, 3.0),
        Fault("crash", "a", 2.0, 1.0),
        Fault("slow", "a", 1.0, 2.0, 2.0),
        Fault("slow", "a", 2.0, 3.0, 5.0),
    )
    events = plan(Faults(script), (), everybody("a"), 10.0, Streams(0))
    injector = Injector(env, events, {"a": entity})
    env.run(until=10.0)
    assert entity.said == [
        (1.0, "down", "crash"), (1.0, "slow", 2.0), (2.0, "slow", 10.0), (3.0, "slow", 5.0), (4.0, "up", "crash"),
        (5.0, "slow", 1),
    ]  # fmt: skip
    assert injector.down_s() == {"crash": {"a": 3.0}}


def test_random_faults_have_the_rates_they_are_given() -> None:
    """Availability of an alternating renewal process: mtbf / (mtbf + mttr); cycles per time: 1 / (mtbf + mttr)."""
    names = [f"camera_{k}" for k in range(200)]
    faults = Faults(random=(RandomFault("crash", "camera_*", 90.0, 10.0),))
    horizon_s = 10_000.0
    events = plan(faults, (), everybody(*names), horizon_s, Streams(1))
    begun = Counter(fault.entity for _, breaks, fault in events if breaks)
    down_s = Counter()
    for time, breaks, fault in events:
        if breaks:
            down_s[fault.entity] += min(fault.duration_s, horizon_s - time)
    counts = np.array([begun[name] for name in names])
    shares = np.array([down_s[name] for name in names]) / horizon_s
    assert abs(counts.mean() - 100.0) <= 4 * counts.std(ddof=1) / math.sqrt(len(names)) + 0.5
    assert abs(shares.mean() - 0.1) <= 4 * shares.std(ddof=1) / math.sqrt(len(names)) + 0.0005
    fewer = plan(faults, (), everybody(*names[:3]), horizon_s, Streams(1))
    assert [event for event in events if event[2].entity in names[:3]] == fewer  # nobody's faults hang on the others


def test_a_name_that_fits_nobody_is_refused() -> None:
    entities = everybody("camera_1", "gpu_1")
    with pytest.raises(ConfigError, match=r"faults\.script\.0\.entity: 'camra_1' names nobody who can have a crash"):
        plan(Faults((Fault("crash", "camra_1", 0.0),)), (), entities, 1.0, Streams(0))

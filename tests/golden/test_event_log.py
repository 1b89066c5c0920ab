"""The whole story of a tiny run, written down and checked by hand (see the head of tiny.txt)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simedge.policies.video.interface import Migration, VideoDecision, VideoObservation, VideoSetting
from simedge.policies.video.partitioner import partition_plan
from simedge.systems.video.scenario import Dag
from simedge.systems.video.system import VideoSystem

HEAD = """\
# Two classifiers: A (cost 1) on the cameras, B (cost 2) at the edge. Batches: 2 on a camera, 4 on the GPU; calls of 2.
# A on a camera: 0.1 s + 0.1 s per ROI.  B on the GPU: 0.1 s + 0.12 s per ROI.  A call: 0.01 s + 0.02 s per ROI.
# At the report of 0.1 s one ROI migrates from camera_1 to camera_2.
#
# By hand:
#   camera_1: A of 0 and 1 from 0 to 0.3; their call 0.05, to 0.35. ROI 2 leaves at 0.1, its call lasts until 0.13.
#             A of 3 from 0.3 to 0.5; its call lasts until 0.53.
#   camera_2: A of 4 from 0.05 to 0.25, call until 0.28; A of 2 from 0.25 to 0.45, call until 0.48;
#             ROI 5 comes at 0.4, A from 0.45 to 0.65, call until 0.68.
#   GPU:      B of 4 from 0.28 to 0.5; B of 0, 1 and 2 from 0.5 to 0.96; B of 3 and 5 from 0.96 to 1.3.
#
# time_s  who       what       ROIs
"""


@dataclass
class OneMove:
    """A on the cameras, B at the edge; one migration."""

    def start(self, setting: VideoSetting, rng: np.random.Generator) -> None:
        self.setting, self.calls = setting, 0

    def due(self, now_s: float) -> bool:
        return self.calls < 2

    def decide(self, observation: VideoObservation) -> VideoDecision:
        self.calls += 1
        if self.calls == 1:
            assert observation.now_s == 0.0
            points = np.full(2, 1 / 3)  # A costs a third of the path
            return VideoDecision(partition=partition_plan(self.setting.pipeline, points))
        assert observation.visible.tolist() == [2.0, 0.0]
        assert observation.arrivals.tolist() == [[4.0, 1.0]]
        return VideoDecision(migrations=(Migration(0, 1, 1),))


def event_log(system: VideoSystem) -> str:
    flow, events = system.flow, []
    arrivals = flow.table.trace
    for name, camera in zip(flow.names, flow.cameras, strict=True):
        mine = np.flatnonzero(arrivals.camera == camera.index)
        for time in np.unique(arrivals.arrived_s[mine]).tolist():
            events.append((time, 0, name, "frame", mine[arrivals.arrived_s[mine] == time].tolist()))
        events += [(time, 3, name, "takes", rows) for time, rows in camera.taken.entries]
        events += [(time, 1, name, "has run", rows) for time, rows in camera.executed.entries]
    events += [(time, 2, "edge", "receives", rows) for time, rows in flow.edge.delivered.entries]
    events += [(time, 3, "edge", "takes", rows) for time, rows in flow.edge.started.entries]
    events += [(time, 1, "edge", "has done", rows) for time, rows in flow.done.entries]
    events.sort(key=lambda event: (round(event[0], 9), *event[1:]))
    return "".join(
        f"{time:8.3f}  {who:8}  {what:9}  {' '.join(map(str, rows))}\n" for time, _, who, what, rows in events
    )


def test_a_tiny_run_goes_as_written(small_scenario, golden) -> None:
    rows = [(0.0, 0, "any", 1000.0)] * 4 + [(0.05, 1, "any", 1000.0), (0.4, 1, "any", 1000.0)]
    run = small_scenario(
        rows,
        policy=OneMove(),
        cameras=("slow", "slow"),
        edge="fast",
        devices={"slow": (0.1, 0.1), "fast": (0.05, 0.06)},
        dag=Dag({"A": 1.0, "B": 2.0}, (("A", "B"),), {"any": "B"}),
        camera_batch=2,
        edge_batch=4,
        network={"uplink_bps": 4e5, "call_s": 0.01, "call_units": 2},
        report_period_s=0.1,
        horizon_s=2.0,
    )
    assert run.rois["processed_by"].codes.tolist() == [0, 0, 1, 0, 1, 1]
    golden.text("tiny.txt", HEAD + event_log(run.system))

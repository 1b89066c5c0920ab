"""From the logs of cameras and edge to what a run leaves behind: a row per ROI, or totals; and its fingerprint."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np

from simedge.metrics.recorder import BatchLog
from simedge.metrics.schema import PARTS, Categorical, FloatArray
from simedge.metrics.summary import Totals
from simedge.policies.video.pipeline import Pipeline
from simedge.systems.video.camera import Camera
from simedge.systems.video.edge import Edge
from simedge.systems.video.failing import FailingCamera, FailingEdge
from simedge.systems.video.rows import Codes, IntArray, RoiTable

__all__ = ["Recorder"]

_STAGES = ("taken", "left", "delivered", "started")


class Recorder:
    """Reads the logs of a run.

    Parameters
    ----------
    table, codes
        The ROIs and how their cuts are coded.
    pipeline : Pipeline
        The paths.
    cameras, edges, done
        What logs.
    totals : Totals or None
        Where completed ROIs are counted, whose rows then serve again; None: every ROI is kept for table ``rois``.
    lost : BatchLog or None
        Log of ROIs that faults lost; None where nothing fails.
    """

    def __init__(
        self,
        table: RoiTable,
        codes: Codes,
        pipeline: Pipeline,
        cameras: list[Camera],
        edges: list[Edge],
        done: BatchLog,
        totals: Totals | None,
        lost: BatchLog | None = None,
    ) -> None:
        self._lost = lost
        self._table, self._cameras, self._edges, self._done, self._totals = table, cameras, edges, done, totals
        self._pipeline = pipeline
        self._first = np.array(codes.first)
        self._classifiers = np.array([len(pipeline.paths[name]) for name in pipeline.names], np.float64)
        self._times_s = {stage: np.empty(0) for stage in _STAGES}  # of every row
        self._moved_s = np.empty(0)
        kept = 0 if totals is not None else len(table.trace)
        self._done_s, self._lost_s = np.full(kept, math.nan), np.full(kept, math.nan)
        self._by = table.trace.camera[:kept].astype(np.int32)  # which camera took each row
        self._moves = np.zeros(kept, np.int32)
        self._counted = 0  # arrivals
        self._digest, self._lost_digest = hashlib.blake2b(digest_size=16), hashlib.blake2b(digest_size=16)

    def fold(self, now_s: float) -> None:
        """Book what was logged before now, and forget it.

        Completions of this instant have to wait: others may follow, and the fingerprint takes both in order of rows.
        """
        self._enter_stages()
        done_s, rows, rois = self._ended(self._done, now_s, self._digest)
        lost_s, lost_rows, lost_rois = self._ended(self._lost or BatchLog(), now_s, self._lost_digest)
        if self._totals is None:
            self._done_s[rows], self._lost_s[lost_rows] = done_s, lost_s
            return
        trace = self._table.trace
        self._totals.arrive(trace.arrived_s[self._counted : self._table.loaded])
        self._counted = self._table.loaded
        arrived_s = trace.arrived_s[rois]
        units = {"arrived_s": arrived_s, "done_s": done_s, **self._parts(rows, arrived_s, done_s)}
        self._totals.complete(units, self._classifiers[trace.path[rois]])
        self._totals.lose(trace.arrived_s[lost_rois])
        rows = np.concatenate([rows, lost_rows])
        for column in self._times_s.values():
            column[rows] = math.nan
        self._moved_s[rows] = 0.0
        self._table.free(rows)

    def _ended(self, log: BatchLog, before_s: float, digest: Any) -> tuple[FloatArray, IntArray, IntArray]:
        """Take from a log what ended before a time, and sign it: times, rows, and rows of the trace."""
        entries = log.entries
        count = bisect_left(entries, before_s, key=lambda entry: entry[0])
        ended_s, rows = BatchLog(entries[:count]).flat()
        del entries[:count]
        rois = self._table.rois(rows)
        self._sign(digest, ended_s, rois)
        return ended_s, rows, rois

    def _enter_stages(self) -> None:
        """Enter into the columns when rows reached each stage, and forget the logs one after another."""
        missing = self._table.capacity - len(self._moved_s)
        if missing:
            self._moved_s = np.concatenate([self._moved_s, np.zeros(missing)])
            for stage, column in self._times_s.items():
                self._times_s[stage] = np.concatenate([column, np.full(missing, math.nan)])
        taken_s, left_s, delivered_s, started_s = (self._times_s[stage] for stage in _STAGES)
        cameras = self._cameras
        if self._lost is not None:
            self._enter_latest()
            return
        taken = [camera.taken for camera in cameras]
        for index, logs in enumerate([taken] if self._totals is not None else [[log] for log in taken]):
            times_s, rows = _emptied(logs)
            taken_s[rows] = times_s
            if self._totals is None:
                self._by[rows] = index
        for column, logs in (
            (left_s, [camera.passed for camera in cameras]),
            (left_s, [camera.executed for camera in cameras]),
            (delivered_s, [edge.delivered for edge in self._edges]),
            (started_s, [edge.started for edge in self._edges]),
        ):
            times_s, rows = _emptied(logs)
            column[rows] = times_s
        self._enter_moves()

    def _enter_latest(self) -> None:
        """Do so where faults make units reach a stage more than once: the last time counts, until it is void."""
        taken_s, left_s, delivered_s, started_s = (self._times_s[stage] for stage in _STAGES)
        cameras, edges = self._cameras, self._edges
        by = np.repeat(np.arange(len(cameras)), [sum(len(rows) for _, rows in c.taken.entries) for c in cameras])
        times_s, rows = _emptied([camera.taken for camera in cameras])
        order = np.argsort(times_s, kind="stable")
        taken_s[rows[order]] = times_s[order]
        if self._totals is None:
            self._by[rows[order]] = by[order]
        for column, logs in (
            (left_s, [log for camera in cameras for log in (camera.passed, camera.executed)]),
            (delivered_s, [edge.delivered for edge in edges]),
            (started_s, [edge.started for edge in edges]),
        ):
            times_s, rows = _emptied(logs)
            order = np.argsort(times_s, kind="stable")
            column[rows[order]] = times_s[order]
        for columns, logs in (
            ((taken_s, left_s), [camera.voided for camera in cameras if isinstance(camera, FailingCamera)]),
            ((started_s,), [edge.voided for edge in edges if isinstance(edge, FailingEdge)]),
        ):
            times_s, rows = _emptied(logs)
            order = np.argsort(times_s, kind="stable")
            times_s, rows = times_s[order], rows[order]
            for column in columns:
                void = column[rows] <= times_s
                column[rows[void]] = math.nan
        self._enter_moves()

    def _enter_moves(self) -> None:
        seconds, rows = _emptied([camera.moved for camera in self._cameras])
        np.add.at(self._moved_s, rows, seconds)  # a row may stand there twice
        if self._totals is None:
            np.add.at(self._moves, rows, 1)

    def _sign(self, digest: Any, done_s: FloatArray, rois: IntArray) -> None:
        """Add what ended to a digest: by time, at one instant by row of the trace."""
        instant = np.cumsum(np.diff(done_s, prepend=-1.0) != 0)
        order = np.argsort(instant * (len(self._table.trace) + 1) + rois, kind="stable")
        record = np.empty(len(rois), [("done_s", "<f8"), ("roi", "<i8")])
        record["done_s"], record["roi"] = done_s, rois[order]  # the times are in order already
        digest.update(record.tobytes())

    def _parts(self, rows: IntArray | slice, arrived_s: FloatArray, done_s: FloatArray) -> dict[str, FloatArray]:
        """Tell latencies and their parts, of some rows."""
        taken_s, left_s, delivered_s, started_s = (self._times_s[stage][rows] for stage in _STAGES)
        moved_s = self._moved_s[rows]
        on_camera = ~np.isnan(done_s) & np.isnan(delivered_s)
        delivered_s = np.where(on_camera, done_s, delivered_s)
        started_s = np.where(on_camera, done_s, started_s)
        queue_s, network_s = taken_s - arrived_s, delivered_s - left_s
        if moved_s.any():
            network_s += moved_s
            queue_s = np.maximum(queue_s - moved_s, 0.0)  # rounding may leave a hair below nothing
        parts = (queue_s, left_s - taken_s, network_s, started_s - delivered_s, done_s - started_s)
        return {**dict(zip(PARTS, parts, strict=True)), "latency_s": done_s - arrived_s}

    def finish(self) -> dict[str, np.ndarray | Categorical]:
        """Read the rest, once, at the end; with totals they are complete then, else return table ``rois``."""
        if self._totals is None:
            self._table.retire()
            for camera in self._cameras:
                camera.expect([], [])
        self.fold(math.inf)
        if self._totals is not None:
            return {}
        trace, names = self._table.trace, tuple(self._table.trace.cameras)
        parts = self._parts(slice(None), trace.arrived_s, self._done_s)
        self._times_s.clear()
        code = self._table.codes()
        cut = np.where(code >= 0, code - self._first[trace.path], -1)
        return {
            "roi": np.arange(len(trace), dtype=np.int64),
            "camera": Categorical(trace.camera.astype(np.int32), names),
            "path": Categorical(trace.path.astype(np.int32), self._pipeline.names),
            "arrived_s": trace.arrived_s,
            "size_bytes": trace.size_bytes,
            "cut": cut.astype(np.int32),
            "processed_by": Categorical(self._by, names),
            "migrations": self._moves,
            **parts,
            "done_s": self._done_s,
            "lost_s": self._lost_s,
        }

    def fingerprint(self, decisions: bytes) -> str:
        """Digest of what finished when, and of the decisions applied: not of how the engine got there."""
        digest = self._digest.copy()
        digest.update(decisions)
        if self._lost is not None:
            digest.update(self._lost_digest.digest())
        return digest.hexdigest()


def _emptied(logs: Sequence[BatchLog]) -> tuple[FloatArray, IntArray]:
    """Return the times and rows of some logs, which forget them."""
    times_s, rows = BatchLog.merged(logs).flat()
    for log in logs:
        log.clear()
    return times_s, rows

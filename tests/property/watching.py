"""A run event by event, and where its rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simedge.systems.video.system import VideoSystem


def run_stepwise(system: VideoSystem, look: Callable[[float, float], None]) -> None:
    """The same run, event by event: call ``look(begin, end)`` for each span of time in which nothing changes."""
    env = system.env

    def run(until: float) -> None:
        while env.peek() < until:
            if env.peek() > env.now:
                look(env.now, env.peek())
            env.step()
        look(env.now, until)
        type(env).run(env, until)

    env.run = run
    system.run()


def places(system: VideoSystem) -> Iterator[list[int]]:
    """Rows in each place of the system; those that migrate right now are in none."""
    for camera in system.flow.cameras:
        yield list(camera.queue.rows)
        yield [row for producer in camera.queue._ring for row in producer]
        yield [] if camera.device.idle else list(camera._batch)
        yield list(camera.outbound.rows)
        yield list(camera._call)
    edge = system.flow.edge
    yield list(edge.queue.rows)
    for device, rows in zip(edge.devices, edge._running, strict=True):
        yield [] if device.idle else list(rows)


def migrating(system: VideoSystem) -> int:
    """Count the rows that are on their way to another camera."""
    return sum(camera.given_units - camera.moved_units for camera in system.flow.cameras)

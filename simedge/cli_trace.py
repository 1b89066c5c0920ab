"""The verb ``trace`` of the command line: make, import, check and describe files of arrivals, and of bandwidth."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simedge import interrupts
from simedge.errors import ConfigError, TraceError, quoted
from simedge.units import parse_quantity

__all__ = ["add"]

_FIGURES = (".png", ".pdf", ".svg")
_TRACES = (".csv", ".parquet")
_SETTING = re.compile(r"([a-z][a-z0-9_]*(?:\.[\w-]+)?)=(.*)\Z", re.DOTALL)
_IMPORTS = """\
kinds, and what each reads (traces/README.md, Importing):
  mot15 mot16 mot17 mot20    det.txt or gt.txt of sequences: the files become camera_1, camera_2 ... in their order
  aicity                     the folder of a scenario, such as S01
  fedscale_capacity          client_device_capacity
  fedscale_availability      client_behave_trace
  flash_speeds               speed_distri.json
  flash_availability         state_traces.json

examples:
  simedge trace import mot17 MOT17-02/gt/gt.txt MOT17-04/gt/gt.txt fps=30 -o streets.parquet
      to replay with: simedge run workload.trace=streets.parquet
  simedge trace import aicity train/S03 boxes=det_yolo3 offsets=cam_timestamp/S03.txt fps=10 fps.c015=8 -o s03.parquet
  simedge trace import fedscale_availability client_behave_trace -o availability.parquet
"""
_KINDS = ("csv", "mahimahi", "cooked", "per_second")


def add(verb: Callable[..., Any], verbs: Any, overridden: Callable[[Any], None], checked: Callable[..., Any]) -> None:
    """Add the verb to a parser; see :func:`simedge.cli_reproduce.add`."""

    def placed(act: Callable[[Any, Path], int], option: str, suffixes: tuple[str, ...]) -> Callable[[Any], int]:
        return lambda options: act(options, checked(getattr(options, option), suffixes=suffixes))

    trace = verb(verbs, "trace", None, "make, import, check and describe arrivals and bandwidth").add_subparsers(
        metavar="ACTION", required=True
    )
    make = verb(trace, "make", placed(_make, "output", _TRACES), "draw the arrivals of a scenario's seed")
    make.add_argument("scenario", metavar="SCENARIO")
    make.add_argument("-o", "--output", metavar="FILE", required=True, help=f"where to: {' or '.join(_TRACES)}")
    overridden(make)
    imported = verb(
        trace,
        "import",
        lambda options: _import(options, checked),
        "read a published file layout and write it in ours",
        epilog=_IMPORTS,
    )
    imported.add_argument("kind", metavar="KIND", help="see below")
    imported.add_argument("overrides", nargs="*", metavar="FILE|key=value", help="files to read, and settings")
    imported.add_argument("-o", "--output", metavar="OUT", required=True, help="where to: .parquet, arrivals also .csv")
    check = verb(trace, "check", _check, "check a trace file, and whether a scenario can replay it")
    check.add_argument("file", metavar="FILE")
    overridden(check)
    show = verb(trace, "show", placed(_show, "figure", _FIGURES), "describe a trace file")
    show.add_argument("file", metavar="FILE")
    show.add_argument("--figure", metavar="FILE", help=f"draw arrivals over time: {', '.join(_FIGURES)}")
    band = verb(trace, "bandwidth", lambda options: _bandwidth(options, checked), "describe a bandwidth file")
    band.add_argument("file", metavar="FILE", help="of any kind of traces/README.md, or a name of `list bandwidth`")
    kinds = f"{', '.join(_KINDS)}; by default its first line tells"
    band.add_argument("--kind", choices=_KINDS, metavar="KIND", help=kinds)
    band.add_argument("--step", metavar="TIME", default="0.1s", help="what packets come together in; 0.1s by default")
    band.add_argument("--figure", metavar="FILE", help=f"draw the rate over time: {', '.join(_FIGURES)}")
    band.add_argument("--export", metavar="FILE", help="write a script that replays it with tc and netem: .sh")
    band.add_argument("-o", "--output", metavar="FILE", help="write it in our own format, exactly: .csv")
    band.add_argument("--config-dir", metavar="DIR", help="folder of your own files")


def _make(options: Any, path: Path) -> int:
    from simedge.experiment.config import parse
    from simedge.experiment.run import load

    chosen = ["workload.kind=generated", *options.overrides]
    scenario = load(options.scenario, *chosen, config_dir=options.config_dir)
    if any(
        one.value == "recorded" for one in map(parse, options.overrides) if one.key in {"workload", "workload.kind"}
    ):
        remedy = "leave it out: `trace make` draws arrivals from the seed"
        raise ConfigError("recorded arrivals are not drawn", where="workload", remedy=remedy)
    trace = scenario.arrivals()
    interrupts.raise_from_now_on()
    trace.write(path)
    print(f"{path}: {_described(trace)}")
    return 0


def _import(options: Any, checked: Callable[..., Any]) -> int:
    from simedge.traces.importers.catalog import import_files, suffixes_of

    path = checked(options.output, suffixes=suffixes_of(options.kind))
    settings: dict[str, str] = {}
    files: list[Path] = []
    for word in options.overrides:
        setting = _SETTING.match(word)
        if setting is None:
            files.append(Path(word))
        elif setting[1] in settings:
            raise ConfigError(f"key {quoted(setting[1])} stands twice", remedy="keep one")
        else:
            settings[setting[1]] = setting[2]
    made = import_files(options.kind, files, settings)
    interrupts.raise_from_now_on()
    made.table.write(path)
    print(f"{path}: {made}")
    return 0


def _check(options: Any) -> int:
    from simedge.experiment.run import load
    from simedge.files import find
    from simedge.traces.trace import RoiTrace

    folder = Path(options.config_dir) if options.config_dir else None
    path = find(options.file, "traces", _TRACES, error=TraceError, config_dir=folder)
    if options.overrides:
        scenario = load("campus", *options.overrides, config_dir=options.config_dir)
        scenario["workload.kind"], scenario["workload.trace"] = "recorded", str(path)
        trace, fits = scenario.arrivals(), f"; scenario {scenario.name} can replay it"
    else:
        trace, fits = RoiTrace.read(path), ""
    print(f"{path}: {_described(trace)}{fits}")
    return 0


def _described(trace: Any) -> str:
    return (
        f"{len(trace)} ROIs in {trace.duration_s:g} s from {len(trace.cameras)} cameras, paths {', '.join(trace.paths)}"
    )


def _show(options: Any, figure: Path | None) -> int:
    from simedge.experiment import report
    from simedge.files import find
    from simedge.traces.trace import RoiTrace

    path = find(options.file, "traces", _TRACES, error=TraceError)
    trace = RoiTrace.read(path)
    print(f"{path}: {_described(trace)}")
    for line in report.trace_lines(trace):
        print(line)
    if figure is not None:
        interrupts.raise_from_now_on()
        print(report.draw_trace(trace, figure))
    return 0


def _bandwidth(options: Any, checked: Callable[..., Path | None]) -> int:
    from simedge.experiment import report
    from simedge.files import atomic_file
    from simedge.traces import bandwidth, netem

    figure, export, output = (
        checked(said, suffixes=suffixes)
        for said, suffixes in ((options.figure, _FIGURES), (options.export, (".sh",)), (options.output, (".csv",)))
    )
    step_s = _step_s(options.step)
    path = bandwidth.find(options.file, Path(options.config_dir) if options.config_dir else None)
    kind = options.kind or bandwidth.guess(path)
    schedule = bandwidth.read(path, kind)
    try:
        steps = bandwidth.in_steps(schedule, step_s)
        script = netem.script(steps, quoted(path.name)) if export else ""
    except ValueError as problem:
        raise TraceError(str(problem), str(path), "give a longer --step") from None
    print(f"{path}: {kind}")
    if schedule.bursts is not None:
        print(f"bursts   {int((schedule.bursts > 0.0).sum())}; what follows is of steps of about {options.step}")
    for line in report.bandwidth_lines(steps):
        print(line)
    interrupts.raise_from_now_on()
    if output is not None:
        bandwidth.write(schedule, output, [f"From {quoted(path.name)}, {kind}"])
        print(output)
    if export is not None:
        with atomic_file(export) as draft:
            draft.write_text(script, encoding="utf-8")
        print(export)
    if figure is not None:
        print(report.draw_bandwidth(steps, figure, path.name))
    return 0


def _step_s(said: str) -> float:
    try:
        step_s = parse_quantity(said, "s")
    except ValueError as problem:
        raise ConfigError(str(problem), "--step") from None
    if not 1e-6 <= step_s <= 1e6:
        raise ConfigError(f"{said!r} is not in [1 us, 1e6 s]", "--step", "write a time such as 0.1s")
    return step_s

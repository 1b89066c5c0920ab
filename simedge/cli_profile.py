"""The verb ``profile`` of the command line: latency tables, measured here or imported, as a device profile."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simedge import interrupts
from simedge.console import show_table
from simedge.errors import ConfigError, InputError, quoted
from simedge.progress import RunsBar

if TYPE_CHECKING:
    from simedge.experiment.measure import Settings
    from simedge.experiment.timings import Timings

__all__ = ["add"]

_EPILOG = """\
examples:
  simedge profile kind=mymodels:Kind vehicle_type=mymodels:Type --input 3,64,64 --name laptop
      two torch models of mymodels.py on this machine, each at six batch sizes; writes laptop.yaml
  simedge profile kind=kind.onnx --batches 1,4,8 --threads 2 -o boxes/desk.yaml
      an ONNX model
  simedge profile --import-trtexec kind:1=t1.json kind:8=t8.json kind:16=t16.json --name orin
      what trtexec --exportTimes measured elsewhere, a file for each batch size
  simedge profile --import-csv lab.csv --name desk
      columns classifier,batch,latency_ms; repeated rows are repetitions

Names before = are those of the pipeline's classifiers. module:thing is imported, which runs the code of that module.
To use the profile: simedge run cluster.edge=laptop.yaml, or put it into hardware_profiles/ of your --config-dir.
"""
_BATCHES_MAX = 4096
_DOUBT_MAX = 0.05  # relative standard error of a mean
_LIST = re.compile(r"\d{1,9}(,\d{1,9})*\Z", re.ASCII)


def add(verb: Callable[..., Any], verbs: Any, checked: Callable[..., Any]) -> None:
    """Add the verb to a parser; see :func:`simedge.cli_compare.add`."""

    def act(options: Any) -> int:
        name = "measured" if options.name is None else options.name
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ConfigError(f"{quoted(name)} is no name of a profile", "--name", "use letters, digits, _ - .")
        path = checked(options.output or f"{name}.yaml", suffixes=(".yaml",))
        return _profile(options, path.stem if options.name is None else name, path)

    made = verb(verbs, "profile", act, "measure models on this machine, or import latencies", epilog=_EPILOG)
    made.add_argument(
        "overrides", nargs="*", metavar="NAME=MODEL", help="module:function, module:Class or FILE.onnx; NAME= may lack"
    )
    made.add_argument("--batches", metavar="SIZES", default="1,2,4,8,16,32", help="batch sizes (1,2,4,8,16,32)")
    made.add_argument("--input", metavar="SHAPE", help="of one item (3,224,224, or what the ONNX file says)")
    made.add_argument("--repeat", metavar="N", type=int, default=50, help="rounds that count (50)")
    made.add_argument("--warmup", metavar="N", type=int, default=5, help="rounds before them (5)")
    made.add_argument("--threads", metavar="N", type=int, default=1, help="threads of a launch on the CPU (1)")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if there is one")
    made.add_argument("--import-trtexec", metavar="[NAME:]BATCH=FILE", nargs="+", help="files of trtexec --exportTimes")
    made.add_argument("--import-csv", metavar="FILE", help="columns classifier,batch,latency_ms or latency_s")
    made.add_argument("--name", metavar="NAME", help="of the profile (that of the file, or measured)")
    made.add_argument("-o", "--output", metavar="FILE", help="where to: a name that ends in .yaml (NAME.yaml)")


def _profile(options: Any, name: str, path: Path) -> int:
    from simedge.experiment import profiling

    timings, about, source, models = _timings(options)
    found = profiling.profiled(timings)
    text = profiling.as_yaml(name, f"{name}: {about}", source, timings, found, models)
    interrupts.raise_from_now_on()
    profiling.write(path, text)
    show_table(profiling.rows(found))
    for one in found:
        print(f"{one.name}: {profiling.sentence(one)}")
    varies = profiling.spread(timings)
    if varies > 0:
        print(f"spread around the mean: {100 * varies:.3g} % (delete inference.spread for none)")
    doubt = profiling.doubt(timings)
    if doubt > _DOUBT_MAX:
        print(f"note: means are known to {100 * doubt:.0f} % only; quiet the machine, or raise --repeat")
    print(path)
    return 0


def _timings(options: Any) -> tuple[Timings, str, str, dict[str, str]]:
    """Measure or import; return what is to be said of the device, of the numbers' origin and of each model, too."""
    from simedge.experiment import measure, timings

    ways = [bool(options.overrides), options.import_trtexec is not None, options.import_csv is not None]
    if sum(ways) != 1:
        what = "several sources are named" if sum(ways) else "nothing is named"
        raise InputError(what, remedy="give models, --import-trtexec or --import-csv; see `simedge profile --help`")
    if options.import_trtexec is not None:
        read = timings.read_trtexec(options.import_trtexec)
        about, source = measure.source()
        return read, f"trtexec --exportTimes, {about}", f"{source}, trtexec --exportTimes, computeMs", {}
    if options.import_csv is not None:
        read = timings.read_csv(Path(options.import_csv))
        about, source = measure.source()
        return read, f"latencies of a CSV file, {about}", f"{source}, {Path(options.import_csv).name}", {}
    settings = _settings(options)
    named = [measure.split(said) for said in options.overrides]
    twice = {one for one, _ in named if [name for name, _ in named].count(one) > 1}
    if twice:
        raise ConfigError(f"{', '.join(sorted(twice))} is named twice", remedy="write NAME=… before each model")
    models = {one: measure.prepare(target, settings) for one, target in named}
    interrupts.raise_from_now_on()
    with RunsBar(None, "rounds") as bar:
        taken = measure.measure(models, settings, lambda done, total: bar.at(done, total, "measuring"))
    about, source = measure.source({one: model.engine for one, model in models.items()})
    return taken, about, source, dict(named)


def _settings(options: Any) -> Settings:
    from simedge.experiment.measure import Settings

    for option, least in (("repeat", 1), ("warmup", 0), ("threads", 1)):
        value = getattr(options, option)
        if not least <= value <= 10**6:
            raise ConfigError(f"{value} is not >= {least}", where=f"--{option}", remedy="give another number")
    batches = _whole("--batches", options.batches)
    if len(set(batches)) < len(batches) or max(batches) > _BATCHES_MAX:
        raise ConfigError(
            f"'{options.batches}' repeats a size or has one above {_BATCHES_MAX}", "--batches", "write 1,2,4,8"
        )
    shape = None if options.input is None else _whole("--input", options.input)
    return Settings(batches, shape, options.repeat, options.warmup, options.threads, options.device)


def _whole(option: str, said: str) -> tuple[int, ...]:
    numbers = tuple(map(int, said.split(","))) if _LIST.match(said) else (0,)
    if min(numbers) < 1:
        raise ConfigError(f"{said!r} is no list of whole numbers >= 1", option, "write them with commas, as in 1,8,32")
    return numbers

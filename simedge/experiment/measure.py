"""How long models take on this machine: the only module that reads a clock for what a simulation will use.

A model is named on the command line, ``module:thing``, and its module imported: that runs the user's own code, at the
user's own word. No file can ask for it.
"""

from __future__ import annotations

import datetime
import importlib
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simedge.errors import ConfigError, InputError, quoted
from simedge.experiment.timings import Timings

__all__ = ["Model", "Settings", "measure", "prepare", "source", "split"]

Launch = Callable[[], object]

_SUFFIX = ".onnx"


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    batches : tuple of int
        Batch sizes.
    shape : tuple of int or None
        Shape of one item, such as (3, 224, 224); None: what the model says, if it does.
    repeat, warmup : int
        Rounds that count, and those before them that do not.
    threads : int
        Threads of one launch on a CPU.
    device : {"auto", "cpu", "cuda"}
        Where it runs; *auto*: on a GPU if there is one.
    """

    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    shape: tuple[int, ...] | None = None
    repeat: int = 50
    warmup: int = 5
    threads: int = 1
    device: str = "auto"


@dataclass(frozen=True)
class Model:
    """A model that is ready to run.

    Attributes
    ----------
    launches : mapping of int to callable
        What runs a batch of each size, to its end.
    engine : str
        What runs it, with version and device.
    """

    launches: Mapping[int, Launch]
    engine: str


def split(said: str) -> tuple[str, str]:
    """Split ``NAME=module:thing`` or ``NAME=FILE.onnx``; without a name it is that of the thing or the file.

    Examples
    --------
    >>> split("kind=models:Kind"), split("models:nets.Kind"), split("models/kind.onnx")
    (('kind', 'models:Kind'), ('Kind', 'models:nets.Kind'), ('kind', 'models/kind.onnx'))
    """
    name, equals, target = said.partition("=")
    if not equals:
        name, target = "", said
    if not target or (not target.endswith(_SUFFIX) and not all(target.partition(":"))) or (equals and not name):
        raise ConfigError(
            f"{quoted(said)} is no model", remedy="write module:function, module:Class or FILE.onnx, NAME= before it"
        )
    if not name:
        name = Path(target).stem if target.endswith(_SUFFIX) else target.rpartition(":")[2].rpartition(".")[2]
    return name, target


def prepare(target: str, settings: Settings) -> Model:
    """Make a model ready, and run it once at every batch size.

    Parameters
    ----------
    target : str
        ``module:thing`` with a torch module, a class of it, or a function that makes it; or the path of an ONNX file.
    settings : Settings
        How it is measured.

    Raises
    ------
    ConfigError
        If it cannot be found or made, does not run, or a package is missing that it needs.
    """
    make = _onnx if target.endswith(_SUFFIX) else _torch
    try:
        model = make(target, settings)
        for launch in model.launches.values():
            launch()
    except InputError:
        raise
    except Exception as problem:  # whatever the user's code raises
        first = next(iter(str(problem).splitlines()), "")
        raise ConfigError(
            f"does not run: {type(problem).__name__}{f': {first}' if first else ''}",
            where=target,
            remedy="see that it takes a batch of --input, in 32-bit floats",
        ) from None
    return model


def _missing(package: str, extra: str, target: str) -> ConfigError:
    return ConfigError(f"needs {package}", where=target, remedy=f"install it: pip install 'simedge[{extra}]'")


def _torch(target: str, settings: Settings) -> Model:
    """Make a torch module ready."""
    try:
        import torch
    except ImportError:
        raise _missing("torch", "learn", target) from None
    module = _found(target)
    if not isinstance(module, torch.nn.Module) and callable(module):
        module = module()
    if not isinstance(module, torch.nn.Module):
        raise ConfigError(
            f"is {type(module).__name__}, not a torch.nn.Module",
            where=target,
            remedy="name one, its class, or a function without arguments that returns one",
        )
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("torch sees no CUDA device", where="--device", remedy="choose cpu")
    on_gpu = settings.device != "cpu" and torch.cuda.is_available()
    torch.set_num_threads(settings.threads)
    device = torch.device("cuda" if on_gpu else "cpu")
    module = module.eval().to(device)
    chance = torch.Generator().manual_seed(0)

    def launch(batch: int) -> Launch:
        items = torch.randn((batch, *(settings.shape or (3, 224, 224))), generator=chance).to(device)

        def run() -> None:
            with torch.inference_mode():
                module(items)
            if on_gpu:
                torch.cuda.synchronize()

        return run

    where = torch.cuda.get_device_name() if on_gpu else _threads(settings)
    return Model({batch: launch(batch) for batch in settings.batches}, f"torch {torch.__version__}, {where}")


def _found(target: str) -> Any:
    """Import what a name stands for; the current folder is looked into first, as ``python -m`` does."""
    name, _, attributes = target.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(name)
    except Exception as problem:
        first = next(iter(str(problem).splitlines()), "")
        raise ConfigError(
            f"cannot be imported: {type(problem).__name__}: {first}", where=name, remedy="run from its folder"
        ) from None
    finally:
        del sys.path[0]
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            raise ConfigError(f"{name} has no {attribute!r}", where=target, remedy="name what the module defines")
        found = getattr(found, attribute)
    return found


def _onnx(target: str, settings: Settings) -> Model:
    """Make an ONNX file ready: one input of 32-bit floats, whose first dimension is the batch."""
    try:
        import onnxruntime
    except ImportError:
        raise _missing("onnxruntime", "onnx", target) from None
    if not Path(target).is_file():
        raise ConfigError("no such file", where=target, remedy="give the path of an ONNX model")
    gpu = "CUDAExecutionProvider"
    on_gpu = settings.device != "cpu" and gpu in onnxruntime.get_available_providers()
    if settings.device == "cuda" and not on_gpu:
        raise ConfigError("onnxruntime has no CUDA provider", where="--device", remedy="choose cpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = settings.threads, 1
    options.log_severity_level = 4  # what is wrong is raised
    provider = gpu if on_gpu else "CPUExecutionProvider"
    session = onnxruntime.InferenceSession(target, options, providers=[provider])
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        said = ", ".join(f"{one.name}: {one.type}" for one in inputs) or "none"
        raise ConfigError(f"has inputs {said}", where=target, remedy="give a model with one input of 32-bit floats")
    first, *rest = inputs[0].shape
    if isinstance(first, int) and set(settings.batches) != {first}:
        raise ConfigError(f"takes batches of {first} only", target, f"give --batches {first}, or free its batch")
    shape = settings.shape or tuple(rest)
    if not all(isinstance(size, int) for size in shape):
        raise ConfigError(f"does not say the shape of an item: {rest}", where=target, remedy="give --input")
    chance = np.random.Generator(np.random.PCG64(0))

    def launch(batch: int) -> Launch:
        items = {inputs[0].name: chance.standard_normal((batch, *shape)).astype(np.float32)}
        return lambda: session.run(None, items)

    where = "CUDA" if on_gpu else _threads(settings)
    engine = f"onnxruntime {onnxruntime.__version__}, {where}"
    return Model({batch: launch(batch) for batch in settings.batches}, engine)


def _threads(settings: Settings) -> str:
    return f"{settings.threads} thread{'s' * (settings.threads > 1)}"


def measure(
    models: Mapping[str, Model], settings: Settings, progress: Callable[[int, int], None] | None = None
) -> Timings:
    """Time every model at every batch size.

    Parameters
    ----------
    models : mapping of str to Model
        Models by classifier.
    settings : Settings
        How often.
    progress : callable, optional
        Told the rounds done and in all.

    Returns
    -------
    dict
        `Timings`, by the wall clock.

    Notes
    -----
    Every round visits all models and sizes, in another order than the last, so that a drift of the machine hits all
    alike. A visit runs the batch twice and times the second: a loop that serves such batches finds its caches as the
    last one left them.
    """
    visits = [(name, batch, run) for name, model in models.items() for batch, run in model.launches.items()]
    taken: dict[str, dict[int, list[float]]] = {
        name: {batch: [] for batch in model.launches} for name, model in models.items()
    }
    rounds = settings.warmup + settings.repeat
    for at in range(rounds):
        begin = at % len(visits)
        order = visits[begin:] + visits[:begin]
        for name, batch, run in order if at % 2 == 0 else reversed(order):
            run()
            begun_s = time.perf_counter()
            run()
            seconds = time.perf_counter() - begun_s
            if at >= settings.warmup:
                taken[name][batch].append(seconds)
        if progress is not None:
            progress(at + 1, rounds)
    return {name: {batch: np.array(values) for batch, values in sizes.items()} for name, sizes in taken.items()}


def source(engines: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Tell where numbers of today come from: a line about the device, and the provenance.

    Parameters
    ----------
    engines : mapping of str to str, optional
        What ran each model; None: nothing ran here.
    """
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    if engines is None:
        return f"imported on {today}", f"simedge profile, {today}"
    here = _processor()
    return f"{here}, measured {today}", ", ".join(["simedge profile", today, here, *dict.fromkeys(engines.values())])


def _processor() -> str:
    """Name the processor as well as the system does."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in {"model name", "Model"} and value.strip():
                return " ".join(value.split())
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown processor"

"""Results of a run: tables, metrics, figures; saved, loaded, compared."""

from __future__ import annotations

import html
import math
import platform as host
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simedge import files
from simedge.errors import InputError
from simedge.metrics.curves import Curves
from simedge.metrics.plots import Plots
from simedge.metrics.schema import HEADLINES, TABLES, Categorical, Columns, conform, show
from simedge.metrics.store import config_hash, read_result, write_result
from simedge.metrics.summary import tally

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Results", "platform_tag", "table", "versions"]


def versions() -> dict[str, str]:
    """Versions of everything that a result may depend on: simedge and a digest of its source, python, numpy, simpy."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    found = {"python": host.python_version(), "source": files.source_digest()}
    for package in ("simedge", "numpy", "simpy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # a checkout that was never installed
            found[package] = str(getattr(sys.modules.get(package), "__version__", "unknown"))
    return dict(sorted(found.items()))


def platform_tag() -> str:
    """Operating system and processor: fingerprints are exact within one tag and one set of versions."""
    return sysconfig.get_platform()


@dataclass(eq=False, repr=False)
class Results:
    """What a run leaves behind.

    Attributes
    ----------
    columns : mapping of str to columns
        The raw tables ``rois`` and ``reports``, as :mod:`simedge.metrics.schema` lists them; none if the run recorded
        no items.
    config : mapping
        The resolved configuration.
    facts : mapping
        What the system knew at the end: names, seed, horizon_s, warmup_s, slo_s, capacities, busy times, bytes, …
    cpu_s : float or None
        CPU seconds the run took. Shown, never stored; None for a loaded result.
    versions, platform : mapping of str to str, str
        What made the result.
    totalled : mapping of str to float, or None
        The metrics of a run that recorded no items; else they follow from the columns.
    curved : Curves or None
        Likewise its curves.

    Raises
    ------
    ValueError
        If the columns do not conform to the schema.
    """

    columns: Mapping[str, Columns]
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    cpu_s: float | None = None
    versions: Mapping[str, str] = field(default_factory=versions)
    platform: str = field(default_factory=platform_tag)
    totalled: Mapping[str, float] | None = None
    curved: Curves | None = None

    def __post_init__(self) -> None:
        if self.totalled is not None and not self.columns:
            return
        if sorted(self.columns) != sorted(TABLES):
            raise ValueError(f"a result has the tables {', '.join(TABLES)}, not {', '.join(self.columns)}")
        self.columns = {name: conform(name, self.columns[name]) for name in TABLES}

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return str(self.facts["scenario"])

    @property
    def policy(self) -> str:
        """Name of the policy."""
        return str(self.facts["policy"])

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.facts["seed"])

    @property
    def fingerprint(self) -> str:
        """Digest of what finished when, and of the decisions applied."""
        return str(self.facts["fingerprint"])

    @property
    def kernel_events(self) -> int:
        """Number of events the kernel handled."""
        return int(self.facts["kernel_events"])

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Every metric by name; NaN where undefined. Units and meanings: :mod:`simedge.metrics.schema`."""
        return self._tallied[0] if self.totalled is None else dict(self.totalled)

    @property
    def curves(self) -> Curves:
        """The run over time, in bins of 1 s, and the distribution of its latencies."""
        if self.curved is not None:
            return self.curved
        if not self.columns:
            raise InputError("no curves of this run are known", remedy="run the scenario again")
        return self._tallied[1]

    @cached_property
    def _tallied(self) -> tuple[dict[str, float], Curves]:
        return tally(self.columns, self.facts)

    @cached_property
    def rois(self) -> pd.DataFrame:
        """One row per ROI of the trace, in trace order: where it went and how long each part took, s.

        Raises
        ------
        InputError
            If the run recorded no items; so does everything else that needs a table, such as most figures.
        """
        return self._frame("rois")

    @cached_property
    def reports(self) -> pd.DataFrame:
        """One row per monitor report and entity (cameras, then ``edge``): queues and counts in units."""
        return self._frame("reports")

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every table by name."""
        return {"rois": self.rois, "reports": self.reports}

    @cached_property
    def plot(self) -> Plots:
        """Figures of this run: ``.latency()``, ``.throughput()``, ``.queues()``, ``.parts()``, each giving an Axes."""
        return Plots(self)

    def summary(self) -> pd.Series[float]:
        """Return every metric as a Series, named after the policy."""
        import pandas as pd

        return pd.Series(self.metrics, name=self.policy, dtype="float64")

    def save(self, place: str | Path) -> Path:
        """Write ``rois.parquet``, ``reports.parquet`` and ``manifest.json``; the same run gives the same bytes.

        Of a run that recorded no items there is the manifest only.

        Parameters
        ----------
        place : str or Path
            A folder; or, for a run that recorded no items, a file whose name ends in ``.json``. An older result there
            is replaced; anything else is left alone.

        Returns
        -------
        Path
            The place.

        Raises
        ------
        OutputError
            If the place holds something else than a result, or cannot be written; nothing is left behind.
        """
        write_result(
            Path(place),
            self.columns,
            {
                "curves": None if self.curved is None and not self.columns else self.curves.plain(),
                "config": self.config,
                "config_hash": config_hash(self.config),
                "facts": self.facts,
                "metrics": self.metrics,
                "versions": self.versions,
                "platform": self.platform,
            },
        )
        return Path(place)

    @classmethod
    def load(cls, place: str | Path) -> Results:
        """Read what :meth:`save` wrote, a folder or a file.

        Raises
        ------
        InputError
            If there is no result, it was changed since, or its schema version is unknown.
        """
        columns, manifest = read_result(Path(place))
        known = {} if columns else {"totalled": manifest["metrics"], "curved": manifest["curves"]}
        made_by = {"versions": manifest["versions"], "platform": str(manifest.get("platform", "unknown"))}
        loaded = cls(columns, manifest["config"], manifest["facts"], **made_by, **known)
        try:
            _ = loaded.metrics
        except (KeyError, TypeError, ValueError):
            raise InputError(
                "the facts in the manifest do not fit the tables", str(place), "run the scenario again"
            ) from None
        return loaded

    def compare(self, other: Results, rel: float = 0.0, abs: float = 0.0) -> pd.DataFrame:
        """List the metrics that differ by more than a tolerance.

        Parameters
        ----------
        other : Results
            What to compare with.
        rel, abs : float
            Tolerated difference, relative to the larger of the two magnitudes and absolute; the larger one counts.

        Returns
        -------
        DataFrame
            Columns ``this``, ``other``, ``difference`` (other - this) and ``relative`` (difference / this), indexed
            by metric; empty when the results agree. A metric undefined or absent on one side only is listed.
        """
        import pandas as pd

        rows: dict[str, tuple[float, float]] = {}
        for name in dict.fromkeys((*self.metrics, *other.metrics)):
            a, b = self.metrics.get(name, math.nan), other.metrics.get(name, math.nan)
            neither = math.isnan(a) and math.isnan(b)
            if not neither and not math.isclose(a, b, rel_tol=rel, abs_tol=abs):
                rows[name] = (a, b)
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=["this", "other"], dtype="float64")
        frame["difference"] = frame["other"] - frame["this"]
        frame["relative"] = (frame["difference"] / frame["this"]).where(frame["this"] != 0)
        return frame.rename_axis("metric")

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        if not self.columns:
            raise InputError("this run recorded no items", remedy="run it with record=items")

        def column(values: Any) -> Any:
            if isinstance(values, Categorical):
                return pd.Categorical.from_codes(values.codes, categories=pd.Index(values.names, dtype=object))
            return values

        return pd.DataFrame({key: column(values) for key, values in self.columns[name].items()})

    def _headlines(self) -> dict[str, str]:
        return {name: show(name, self.metrics[name]) for name in HEADLINES}

    def __repr__(self) -> str:
        said = self._headlines()
        return (
            f"<Results {self.scenario} · {self.policy} · seed {self.seed}: {said['throughput_ips_mean']}, "
            f"latency {said['latency_s_mean']} mean, {said['latency_s_p99']} p99, {said['slo_miss_ratio']} late, "
            f"{said['served_ratio']} served>"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in self._headlines().items()
        )
        title = html.escape(f"{self.scenario} · {self.policy} · seed {self.seed}")
        horizon = html.escape(f"{float(self.facts['horizon_s']):,g} s simulated, fingerprint {self.fingerprint}")
        return f"<table><caption><b>{title}</b><br><small>{horizon}</small></caption><tbody>{rows}</tbody></table>"


def table(results: Iterable[Results]) -> pd.DataFrame:
    """One row per run: scenario, policy, seed, then every metric. A metric that a run does not have is NaN."""
    import pandas as pd

    runs = list(results)
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    keys = {"scenario": [r.scenario for r in runs], "policy": [r.policy for r in runs], "seed": [r.seed for r in runs]}
    return pd.DataFrame({**keys, **{name: [run.metrics.get(name, math.nan) for run in runs] for name in names}})

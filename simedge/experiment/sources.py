"""How Hydra sees simedge's files: each is read and checked first, and the catalog's policies stand among them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from simedge import files
from simedge.errors import ConfigError
from simedge.experiment import catalog
from simedge.experiment.scenario_file import BODIES, localised, refuse_code

__all__ = ["session"]

_ROOTS: ContextVar[tuple[str, ...]] = ContextVar("simedge_roots", default=())


@contextmanager
def session(roots: Sequence[str]) -> Iterator[None]:
    """Initialise Hydra and put back whatever state the caller's process had: a notebook may use Hydra itself.

    Parameters
    ----------
    roots : sequence of str
        Folders in which it looks, one after another; the empty name stands for the catalog.
    """
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.core.utils import JobRuntime
    from hydra.version import VersionBase

    theirs, base = GlobalHydra.instance().hydra, VersionBase.instance().version_base
    job = JobRuntime.instance().get("name")
    GlobalHydra.instance().clear()
    for plugin in _plugins():
        Plugins.instance().register(plugin)
    searched = _ROOTS.set(tuple(roots))
    try:
        # Hydra wants one folder that it reads itself, before all others; this one holds no YAML.
        with (
            warnings.catch_warnings(),
            initialize_config_dir(str(Path(__file__).parent), job_name="simedge", version_base="1.3"),
        ):
            warnings.simplefilter("ignore")  # a defaults list without _self_: the file's own keys come last
            yield
    finally:
        _ROOTS.reset(searched)
        GlobalHydra.instance().hydra = theirs
        VersionBase.instance().version_base = base
        JobRuntime.instance().set("name", job)


@cache
def _plugins() -> tuple[Any, ...]:
    """Make the classes through which Hydra sees files, each checked first, and the catalog's policies among them."""
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.core.object_type import ObjectType
    from hydra.plugins.config_source import ConfigResult, ConfigSource
    from hydra.plugins.search_path_plugin import SearchPathPlugin
    from omegaconf import OmegaConf

    class Roots(SearchPathPlugin):  # does nothing in a process's own use of Hydra
        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            for root in _ROOTS.get():
                search_path.append("simedge", f"simedge://{root}")

    class CheckedSource(ConfigSource):
        @staticmethod
        def scheme() -> str:
            return "simedge"

        def load_config(self, config_path: str) -> ConfigResult:
            header: dict[str, str | None] = {"package": None}
            if not self.path:
                kind, _, name = config_path.partition("/")
                made: Any = OmegaConf.create({"name": name, **catalog.entry(kind, name).preset})
            else:
                path = self._file(config_path)
                data = files.read_yaml(path, ConfigError)
                if not isinstance(data, dict | None):
                    raise ConfigError("holds no keys and values", where=str(path), remedy="write lines of `key: value`")
                text = path.read_text(encoding="utf-8")
                refuse_code(data, str(path), text)
                header = self._get_header_dict(text[:512])
                if any("hydra" in (value or "") for value in header.values()):
                    raise ConfigError("the package 'hydra' is not allowed", where=str(path), remedy="remove it")
                read = OmegaConf.to_container(OmegaConf.create(text or "{}"))
                local = localised(read, path.parent)
                if "/" not in config_path and "policy" in local:  # kept apart: a merge could not tell whose fields
                    local[BODIES] = {str(path): local.pop("policy")}
                made = OmegaConf.create(local)
            return ConfigResult(provider=self.provider, path=self.full_path(), config=made, header=header)

        def is_group(self, config_path: str) -> bool:
            return config_path.strip("/") == "policy" if not self.path else (Path(self.path) / config_path).is_dir()

        def is_config(self, config_path: str) -> bool:
            if not self.path:
                kind, _, name = config_path.strip("/").partition("/")
                return kind == "policy" and name in catalog.names(kind)
            return ".." not in config_path.split("/") and self._file(config_path).is_file()

        def available(self) -> bool:
            return True

        def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
            if results_filter is ObjectType.GROUP:
                return []
            if not self.path:
                return catalog.names(config_path.strip("/"))
            return sorted(path.stem for path in (Path(self.path) / config_path).glob("*.yaml"))

        def _file(self, config_path: str) -> Path:
            return Path(self.path) / self._normalize_file_name(config_path.lstrip("/"))

    return Roots, CheckedSource

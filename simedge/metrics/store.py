"""A result on disk: one Parquet file per table and a manifest in strict JSON, the same bytes for the same run.

It is a folder; of a run that recorded no items it may as well be the manifest alone, a file that ends in ``.json``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simedge import files
from simedge.errors import InputError, OutputError
from simedge.metrics.curves import Curves
from simedge.metrics.schema import SCHEMA_VERSION, TABLES, Categorical, Column, Columns

__all__ = [
    "canonical",
    "config_hash",
    "is_manifest",
    "plain",
    "read_manifest",
    "read_result",
    "run_hash",
    "write_result",
]

_FORMAT = "simedge result"
_GROUP_ROWS = 2**16
_MANIFEST = "manifest.json"
_MANIFEST_BYTES_MAX = 64 * 2**20
_INFINITIES = {"inf": math.inf, "-inf": -math.inf}
_REQUIRED: dict[str, type] = {"config": dict, "facts": dict, "metrics": dict, "tables": dict, "versions": dict}
_REQUIRED_FACTS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("scenario", "policy", "fingerprint"), str),
    **dict.fromkeys(("horizon_s", "warmup_s", "slo_s", "bound_ips"), (int, float)),
    **dict.fromkeys(("capacity_ips", "busy_s", "path_lengths", "bytes"), dict),
    **dict.fromkeys(("seed", "migrated_units", "migration_calls"), int),
}


def plain(value: Any) -> Any:
    """Turn a value into what strict JSON can say: NaN becomes None, an infinity the word ``inf`` or ``-inf``.

    Raises
    ------
    TypeError
        If a value is no mapping, sequence, array, number, text, path, truth value or None.

    Examples
    --------
    >>> plain({"beta": math.inf, "mix": (np.float64(0.5), math.nan), "gpus": np.int64(2)})
    {'beta': 'inf', 'mix': [0.5, None], 'gpus': 2}
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{value!r} cannot stand in a manifest")


def canonical(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON in the one way that depends on nothing but the value: sorted keys, no NaN."""
    return json.dumps(plain(value), sort_keys=True, allow_nan=False, ensure_ascii=False, indent=indent)


def config_hash(config: Mapping[str, Any]) -> str:
    """BLAKE2b digest of the canonical JSON of a configuration, 32 hexadecimal digits."""
    return hashlib.blake2b(canonical(config).encode(), digest_size=16).hexdigest()


def run_hash(config: Mapping[str, Any], facts: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """BLAKE2b digest of all that decides a result, 32 hexadecimal digits.

    Parameters
    ----------
    config, facts, versions : mapping
        Resolved configuration; facts of the run, of which the digests of the input files count; versions, of which
        simedge's and the digest of its source count. The result schema counts too.
    """
    made_by = {name: versions.get(name) for name in ("simedge", "source")}
    said = {"config": config, "inputs": facts.get("inputs", {}), **made_by}
    return config_hash({**said, "schema_version": SCHEMA_VERSION})


def write_result(place: Path, columns: Mapping[str, Columns], manifest: Mapping[str, Any]) -> None:
    """Write manifest and tables; they appear, or replace an older result, only when all is written.

    Parameters
    ----------
    place : Path
        Where to: a folder that is new, empty, or holds nothing but a result of simedge; or, without columns, a file
        that ends in ``.json`` and is new or a result of simedge.
    columns : mapping of str to columns
        Conforming tables; none of a run that recorded no items.
    manifest : mapping
        What to say beside the tables; format, schema version and the tables' digests are added.

    Raises
    ------
    OutputError
        If the place holds anything else or cannot be written.
    """
    target = place.expanduser().resolve()
    if not columns and place.suffix == ".json" and not target.is_dir():
        _check_replaceable_file(target, place)
        with files.atomic_file(target) as draft:
            draft.write_text(_manifest_text(manifest, {}), encoding="utf-8", newline="\n")
        return
    _check_replaceable(target, place)
    with files.atomic_directory(target) as draft:
        tables: dict[str, Any] = {}
        for name in columns:
            path = draft / f"{name}.parquet"
            rows = _write_table(path, name, columns[name])
            tables[name] = {"rows": rows, "digest": files.digest(path)}
        (draft / _MANIFEST).write_text(_manifest_text(manifest, tables), encoding="utf-8", newline="\n")


def _manifest_text(manifest: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    named = run_hash(manifest["config"], manifest["facts"], manifest["versions"])
    said = {**manifest, "format": _FORMAT, "schema_version": SCHEMA_VERSION, "tables": tables, "run_hash": named}
    curves = said.pop("curves", None) or {}
    lines = [f"    {canonical(name)}: {json.dumps(curves[name], separators=(',', ':'))}" for name in sorted(curves)]
    shown = "{\n" + ",\n".join(lines) + "\n  }" if lines else "null"  # last, and each list in one line
    return canonical(said, indent=2).removesuffix("\n}") + f',\n  "curves": {shown}\n}}\n'


def read_result(place: Path) -> tuple[dict[str, Columns], dict[str, Any]]:
    """Read and validate what :func:`write_result` wrote: the tables, if the run recorded items, and the manifest.

    Raises
    ------
    InputError
        If something is missing, damaged, or of a schema this version does not know.
    """
    manifest = read_manifest(place)
    columns: dict[str, Columns] = {}
    if manifest["config"].get("record", "items") != "items":
        return columns, manifest
    folder = place.expanduser()
    if not folder.is_dir():
        raise _damaged(place, "is the manifest of a run that recorded items, without them")
    for name in TABLES:
        path = folder / f"{name}.parquet"
        try:
            intact = files.digest(path) == manifest["tables"][name]["digest"]
        except (KeyError, TypeError):
            raise _damaged(folder / _MANIFEST, f"does not list the table {name!r}") from None
        except OSError as problem:
            raise _damaged(path, f"cannot be read: {problem.strerror}") from None
        if not intact:
            raise _damaged(path, "is not the file that was saved: its digest differs from the manifest's")
        columns[name] = _read_table(path, name)
    return columns, manifest


def _damaged(path: Path, what: str) -> InputError:
    return InputError(what, where=str(path), remedy="give an intact result, or run the scenario again")


def _check_replaceable_file(target: Path, place: Path) -> None:
    try:
        _parsed(target)
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        raise OutputError(
            "is no result of simedge, and would be overwritten", where=str(place), remedy="choose another place"
        ) from None


def _check_replaceable(target: Path, folder: Path) -> None:
    try:
        if target.exists() and not target.is_dir():
            raise OutputError("is a file, not a folder", where=str(folder), remedy="choose another place")
        present = sorted(path.name for path in target.iterdir()) if target.is_dir() else []
    except OSError as problem:
        raise OutputError(f"cannot be used: {problem.strerror}", str(folder), "choose another place") from None
    ours = {_MANIFEST, *(f"{name}.parquet" for name in TABLES)}
    foreign = [name for name in present if name not in ours] or (
        present if present and _MANIFEST not in present else []
    )
    if foreign:
        raise OutputError(
            f"the folder holds {foreign[0]!r}, which is no part of a result, and would be overwritten",
            where=str(folder),
            remedy="choose a new or empty folder",
        )


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _revive(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _revive(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_revive(item) for item in value]
    return _INFINITIES.get(value, value) if isinstance(value, str) else value


def _parsed(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MANIFEST_BYTES_MAX:
        raise _damaged(path, "is too large for a manifest")
    manifest = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise _damaged(path, "is not the manifest of a simedge result")
    return manifest


def is_manifest(path: Path) -> bool:
    """Tell whether a file is the manifest of a result of simedge, of whatever version."""
    try:
        return bool(_parsed(path))
    except (OSError, ValueError, RecursionError):
        return False


def read_manifest(place: Path) -> dict[str, Any]:
    """Read and validate the manifest of a saved run, a folder or a file; its tables are left alone.

    Returns
    -------
    dict
        Among others ``config``, ``facts``, ``metrics`` (undefined: NaN), ``curves`` (`Curves` or None), ``versions``,
        ``run_hash``.

    Raises
    ------
    InputError
        If there is none, it is damaged, or of a schema this version does not know.
    """
    path = place.expanduser()
    path = path / _MANIFEST if path.is_dir() or path.suffix != ".json" else path
    try:
        manifest = _parsed(path)
    except OSError as problem:
        raise InputError(
            f"no result of simedge can be read here: {problem.strerror}",
            where=str(path),
            remedy="give a place at which a run was saved",
        ) from None
    except (ValueError, RecursionError) as problem:
        if isinstance(problem, InputError):
            raise
        raise _damaged(path, f"is not a manifest: {str(problem) or 'nested too deeply'}") from None
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise InputError(
            f"has schema version {version!r}; this simedge reads version {SCHEMA_VERSION}",
            where=str(path),
            remedy="read it with the simedge that wrote it, or run the scenario again",
        )
    _require(path, manifest, _REQUIRED, "")
    _require(path, manifest["facts"], _REQUIRED_FACTS, "facts.")
    revived = {key: _revive(manifest[key]) for key in ("config", "facts", "metrics")}
    metrics = {name: math.nan if value is None else value for name, value in revived["metrics"].items()}
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _damaged(path, f"has a metric {name!r} that is no number")
    if "curves" not in manifest:
        raise _damaged(path, "lacks curves")
    curves = manifest["curves"]
    try:
        made = None if curves is None else Curves.read(curves)
    except (TypeError, ValueError, AttributeError) as problem:
        raise _damaged(path, f"has curves that cannot be used: {problem}") from None
    return {**manifest, **revived, "metrics": metrics, "curves": made}


def _require(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str) -> None:
    for key, kind in wanted.items():
        if not isinstance(found.get(key), kind) or isinstance(found.get(key), bool):
            raise _damaged(path, f"lacks {prefix}{key}, or it has the wrong type")


def _arrow_schema(table: str, columns: Columns | None) -> Any:
    """Explicit Parquet schema; without columns the names of categories are left out."""
    import pyarrow as pa

    def field(column: Column) -> Any:
        said = {"unit": column.unit, "about": column.about}
        if column.dtype != "category":
            return pa.field(column.name, getattr(pa, column.dtype)(), nullable=False, metadata=said)
        values = columns[column.name] if columns is not None else None
        if isinstance(values, Categorical):
            said["names"] = json.dumps(values.names)
        return pa.field(column.name, pa.dictionary(pa.int32(), pa.string()), metadata=said)

    # Named after us so that they cannot meet the keys that pandas and Arrow keep here.
    about = {"simedge.table": table, "simedge.schema_version": str(SCHEMA_VERSION)}
    return pa.schema([field(column) for column in TABLES[table]], metadata=about)


def _write_table(path: Path, table: str, columns: Columns) -> int:
    """Write a table a group of rows at a time, so that there is never a second copy of it; tell how many rows."""
    import pyarrow as pa
    from pyarrow import parquet

    def piece(values: Any, begin: int) -> Any:
        kept = slice(begin, begin + _GROUP_ROWS)
        if not isinstance(values, Categorical):
            return pa.array(values[kept])
        codes = values.codes[kept].astype(np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(values.names, pa.string()))

    listed = TABLES[table]
    schema = _arrow_schema(table, columns)
    rows = len(columns[next(column.name for column in listed if column.dtype != "category")])
    with parquet.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=[column.name for column in listed if column.dtype == "category"],
        column_encoding={column.name: "BYTE_STREAM_SPLIT" for column in listed if column.dtype == "float64"},
    ) as writer:
        for begin in range(0, rows, _GROUP_ROWS):
            arrays = [piece(columns[column.name], begin) for column in listed]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return rows


def _read_table(path: Path, table: str) -> dict[str, Any]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        made = parquet.read_table(path, partitioning=None)
    except (pa.ArrowException, OSError) as problem:
        raise _damaged(path, f"is not a Parquet file: {problem}") from None
    if not made.schema.equals(_arrow_schema(table, None)):
        raise _damaged(path, f"does not have the columns of table {table!r}")
    made = made.unify_dictionaries()
    columns: dict[str, Any] = {}
    for column in TABLES[table]:
        values = made.column(column.name)
        if column.dtype != "category":
            columns[column.name] = values.to_numpy()
            continue
        try:
            names = json.loads(made.schema.field(column.name).metadata[b"names"])
            # The file's own dictionary may be shorter or in another order than the names.
            one = values.combine_chunks()
            one = one.chunk(0) if isinstance(one, pa.ChunkedArray) else one
            place = np.array([names.index(name) for name in one.dictionary.to_pylist()] + [-1], dtype=np.int32)
            columns[column.name] = Categorical(place[one.indices.fill_null(-1).to_numpy()], tuple(names))
        except (KeyError, TypeError, ValueError):
            raise _damaged(path, f"does not name the categories of {column.name!r}") from None
    return columns

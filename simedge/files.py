"""Where files are found and how they are written.

A name is looked up as a path, then in the user's own folder (``--config-dir``), then among the files that
came with simedge. Outputs appear whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from simedge.errors import InputError, OutputError, quoted, suggest

__all__ = [
    "atomic_directory",
    "atomic_file",
    "bundled",
    "digest",
    "digests",
    "find",
    "make_folder",
    "names",
    "read_yaml",
    "source_digest",
]

_YAML_BYTES_MAX = 2**20
_YAML_DEPTH_MAX = 50


@cache
def bundled(kind: str) -> Path:
    """Folder of the files of a kind (``scenarios``, ``traces``, ``traces/bandwidth``) that came with simedge.

    The folder stands beside the package in a checkout and inside it in a wheel.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_data", package.parent):
        if (root / kind).is_dir():
            return root / kind
    raise InputError(f"this installation lacks its folder {kind!r}", remedy="install simedge again")


_APART = {"traces": ("bandwidth",)}


def names(kind: str, suffixes: Sequence[str], config_dir: Path | None = None) -> dict[str, Path]:
    """Every file of a kind by its name, which is the file's stem: folders are never part of a name.

    A kind may live in a folder of another, as ``traces/bandwidth`` does; its files are of that kind alone.
    """
    roots = [bundled(kind)]
    if config_dir is not None:
        flat = not (config_dir / Path(kind).parts[0]).is_dir()
        roots += [config_dir if flat else config_dir / kind]
    return {
        path.stem: path
        for root in roots
        for path in (sorted(root.rglob("*")) if root.is_dir() else [])
        if path.suffix in suffixes and path.relative_to(root).parts[0] not in _APART.get(kind, ())
    }


def find(
    name: str,
    kind: str,
    suffixes: Sequence[str],
    *,
    error: type[InputError] = InputError,
    config_dir: Path | None = None,
) -> Path:
    """Path of a file given by path or by name.

    Parameters
    ----------
    name : str
        A path, absolute or below the current folder, or the stem of a file of this kind.
    kind : str
        Folder of bundled files to look in.
    suffixes : sequence of str
        Endings that such a file may have, with the dot.
    error : type
        What to raise when there is no such file.
    config_dir : Path, optional
        The user's own folder; its files come before the bundled ones.

    Raises
    ------
    InputError
        (as `error`) if nothing is found; close matches are named.
    """
    looks_like_path = "/" in name or os.sep in name or Path(name).suffix in suffixes
    if looks_like_path and Path(name).is_file():
        return Path(name)
    known = names(kind, suffixes, config_dir)
    stem = Path(name).stem if Path(name).suffix in suffixes and "/" not in name else name
    if stem in known:
        return known[stem]
    if looks_like_path:
        raise error("no such file", where=name, remedy=f"give the path of a file that ends in {' or '.join(suffixes)}")
    raise error(f"there is no {quoted(name)} in {kind}", remedy=suggest(name, known))


def digest(path: Path) -> str:
    """BLAKE2b digest of a file's bytes, 32 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def digests(named: Mapping[str, Path]) -> dict[str, str]:
    """Digests of files by file name, sorted; of files with one file name by the names given to them.

    A file's folder is left out where that can be, so that the same files have the same digests wherever they stand.

    Raises
    ------
    InputError
        If one is no regular file (a device may have no end), or cannot be read.
    """
    shared = Counter(path.name for path in set(named.values()))
    found = {}
    for name, path in named.items():
        if not path.is_file():
            raise InputError("is no regular file", where=str(path), remedy="give the path of one")
        try:
            found[path.name if shared[path.name] == 1 else name] = digest(path)
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise InputError(f"cannot be read: {reason}", where=str(path), remedy="give a readable file") from None
    return dict(sorted(found.items()))


def read_yaml(path: Path, error: type[InputError] = InputError) -> Any:
    """Read a small YAML file that nobody has to trust.

    At most 1 MiB and 50 levels, no aliases (a file of 200 bytes can otherwise expand to gigabytes), no tags, no key
    twice.

    Raises
    ------
    InputError
        (as `error`) with file and line.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise error(
                    "YAML aliases are not allowed", where=f"{path}:{mark.line + 1}", remedy="write the value out"
                )
            self.depth += 1
            if self.depth > _YAML_DEPTH_MAX:
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                what = f"is nested more than {_YAML_DEPTH_MAX} deep"
                raise error(what, where=f"{path}:{mark.line + 1}", remedy="write it flatter")
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[str] = set()
            for key, _ in node.value:
                if str(key.value) in seen:
                    raise error(
                        f"key {key.value!r} stands twice",
                        where=f"{path}:{key.start_mark.line + 1}",
                        remedy="remove one of them",
                    )
                seen.add(str(key.value))
            return super().construct_mapping(node, deep)

    try:
        if path.stat().st_size > _YAML_BYTES_MAX:
            raise error("a YAML file may have at most 1 MiB", where=str(path), remedy="move data to a trace file")
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, Loader)  # a subclass of SafeLoader
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        what = getattr(problem, "problem", None) or "not YAML"
        raise error(f"not valid YAML: {what}", where=where, remedy="correct that line") from None
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not UTF-8 text"
        raise error(f"cannot be read: {reason}", where=str(path), remedy="give a readable YAML file") from None
    except InputError:
        raise
    except ValueError as problem:  # a date or a number that Python cannot hold
        raise error(f"holds an impossible value: {problem}", where=str(path), remedy="correct or quote it") from None


_DECIDING = ("kernel", "hardware", "policies", "systems", "traces", "metrics")
_SHOWING = ("plots", "style")


@cache
def source_digest() -> str:
    """BLAKE2b digest of the code that decides what comes out of a run, 16 hexadecimal digits; figures do not.

    Two checkouts of one version may differ: an edited policy must not be taken for the one that made older results.
    """
    package = Path(__file__).resolve().parent
    said = hashlib.blake2b(digest_size=8)
    for path in sorted(path for room in _DECIDING for path in (package / room).rglob("*.py")):
        if not path.name.startswith(_SHOWING):
            said.update(f"{path.relative_to(package).as_posix()}\0{digest(path)}\0".encode())
    return said.hexdigest()


@contextmanager
def _reported(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise OutputError(f"cannot be written: {reason}", where=str(target), remedy="choose a writable place") from None


def make_folder(folder: Path) -> None:
    """Make a folder, unless there is one, and see whether it can be written to.

    Raises
    ------
    OutputError
        If not.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError("is not a folder", where=str(folder), remedy="choose another place")
    with _reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target` and rename it to `target` when the block ends well.

    Raises
    ------
    OutputError
        If the place cannot be written to. After any error nothing is left behind.
    """
    with _reported(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        draft = Path(name)
        try:
            yield draft
            draft.chmod(0o666 & ~_umask())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def atomic_directory(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target` and put it in `target`'s place when the block ends well.

    Raises
    ------
    OutputError
        If the place cannot be written to. After any error nothing is left behind.
    """
    with _reported(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield draft
            draft.chmod(0o777 & ~_umask())
            if target.is_dir():
                old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
                target.replace(old)
                draft.replace(target)
                shutil.rmtree(old)
            else:
                draft.replace(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import simedge
from simedge import cli, interrupts
from simedge.experiment.run import run
from simedge.metrics.results import Results
from simedge.metrics.schema import METRICS

SHORT = ["workload=generated", "horizon_s=3"]
ROOT = Path(simedge.__file__).parents[1]

Command = Callable[..., tuple[int, str, str]]


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = words if words[0] == "bash" else (sys.executable, *words)
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120)


# --- run ---------------------------------------------------------------------------------------------------------


def test_several_policies_make_one_table_and_their_gains(command: Command) -> None:
    code, out, err = command("run", *SHORT, "policy=camera_only,centralized,videoedge_l")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "campus, generated workload, 3 s simulated, seed 0"
    assert "than camera_only" in out
    for head in ("units/s mean", "units/s p99", "latency p50", "latency p75", "later than 3 s", "served"):
        assert head in lines[1]
    tables = out.split("\n\n")
    assert [line.split()[0] for line in tables[0].splitlines()[3:]] == ["camera_only", "centralized", "videoedge_l"]
    assert len(re.findall(r"fingerprint [0-9a-f]{32}", out)) == 3
    assert "…" not in out
    assert max(map(len, lines)) > 80  # whole, although no terminal says so


def test_a_run_that_records_no_items_shows_the_same_and_is_saved_without_tables(
    command: Command, tmp_path: Path
) -> None:
    words = ("run", *SHORT, "policy=centralized")
    _, items, _ = command(*words)
    code, summary, err = command(*words, "record=summary", "--out", str(tmp_path / "runs"))
    assert (code, err) == (0, "")
    (folder,) = inside(tmp_path / "runs")
    assert summary.splitlines()[-1] == str(tmp_path / "runs" / folder)
    assert inside(tmp_path / "runs" / folder) == ["manifest.json"]
    assert Results.load(tmp_path / "runs" / folder).config["record"] == "summary"
    count = len(items.splitlines()) - 1  # the last line tells how fast it was
    assert summary.splitlines()[:count] == items.splitlines()[:count]


def test_a_figure_of_a_run_without_items_is_refused_before_it_begins(command: Command, tmp_path: Path) -> None:
    words = ("run", "horizon_s=1e6", "workload=generated", "record=summary", "--figure", str(tmp_path / "f.svg"))
    code, out, err = command(*words)
    assert (code, out) == (2, "")
    assert err == "simedge: record: a figure needs the items of the run; set record=items\n"


def test_the_table_says_what_the_run_gave(command: Command) -> None:
    base, other = (run("campus", *SHORT, f"policy={policy}").metrics for policy in ("camera_only", "centralized"))
    _, out, _ = command("run", *SHORT, "policy=camera_only,centralized")
    rows = [line.split() for line in out.splitlines() if line.startswith("centralized ")]
    assert rows[0][1] == f"{other['throughput_ips_mean']:,.1f}"
    assert rows[0][2] == f"×{other['throughput_ips_mean'] / base['throughput_ips_mean']:.2f}"
    assert f"÷{base['latency_s_mean'] / other['latency_s_mean']:.2f}" in rows[0]


def test_the_footer_says_what_shares_are_of_and_which_cameras_are_idle(command: Command, tmp_path: Path) -> None:
    clip = tmp_path / "clip.csv"
    rows = "".join(f"0.5,camera_{camera},car,2500\n" for camera in (1, 2, 4))
    clip.write_text(f"arrived_s,camera,path,size_bytes\n{rows}")
    idle = r"^(\d+) of (\d+) cameras see no ROI in the recorded trace; workload=generated draws for all$"
    _, out, _ = command("run", f"workload.trace={clip}", "cluster.groups=16", "slo_s=2 s")
    assert re.findall(idle, out, re.MULTILINE) == [("93", "96")]
    assert "later than 2 s: share of completed units; served: completed share of arrived units\n" in out
    _, out, _ = command("run", *SHORT, "seed=3", "workload.tracks.rate_ips=1", "policy=centralized,camera_only")
    assert re.findall(idle, out, re.MULTILINE) == []
    clip.write_text(
        f"arrived_s,camera,path,size_bytes\n{rows}0.6,camera_3,car,9\n0.6,camera_5,car,9\n0.6,camera_6,car,9"
    )
    assert re.findall(idle, command("run", f"workload.trace={clip}")[1], re.MULTILINE) == []


def test_json_is_an_object_for_one_policy_and_a_list_for_several(command: Command) -> None:
    code, out, err = command("run", "--json", *SHORT, "seed=4")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert sorted(said) == sorted(
        ["metrics", "scenario", "policy", "seed", "fingerprint", "versions", "cpu_s", "kernel_events"]
    )
    assert (said["scenario"], said["policy"], said["seed"]) == ("campus", "distream", 4)
    assert said["fingerprint"] == run("campus", *SHORT, seed=4).fingerprint
    plain = {name for name in METRICS if "<" not in name and not name.startswith("energy_j")}  # no profile tells power
    assert plain <= set(said["metrics"])
    assert {"simedge", "numpy", "python", "simpy"} <= set(said["versions"])
    _, out, _ = command("run", *SHORT, "policy=camera_only,centralized", "--json")
    assert [one["policy"] for one in json.loads(out)] == ["camera_only", "centralized"]


def test_what_is_undefined_is_null(command: Command, tmp_path: Path) -> None:
    trace = tmp_path / "one.csv"
    trace.write_text("arrived_s,camera,path,size_bytes\n0.999999,camera_1,car,2500\n")
    _, out, _ = command("run", f"workload.trace={trace}", "--json")
    metrics = json.loads(out)["metrics"]
    assert (metrics["arrived_units"], metrics["completed_units"], metrics["latency_s_mean"]) == (1, 0, None)
    code, out, _ = command("run", f"workload.trace={trace}")
    assert code == 0
    assert "–" in out


def test_out_saves_every_run_and_a_figure(command: Command, tmp_path: Path) -> None:
    words = ("run", *SHORT, "policy=camera_only,centralized", "--out", str(tmp_path / "runs"), "--quiet")
    code, out, err = command(*words)
    assert (code, err) == (0, "")
    paths = [Path(line) for line in out.splitlines()]
    assert [re.sub(r"-[0-9a-f]{12}$", "", path.name) for path in paths] == [
        "campus-camera_only-seed0",
        "campus-centralized-seed0",
        "campus.png",
    ]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == sorted(path.name for path in paths)
    assert Results.load(paths[0]).fingerprint == run("campus", *SHORT, "policy=camera_only").fingerprint
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    assert command(*words)[1] == out  # the same configuration, the same places


def test_an_edited_input_file_gets_a_folder_of_its_own(command: Command, tmp_path: Path) -> None:
    profile, trace = tmp_path / "my" / "hardware_profiles" / "gpu.yaml", tmp_path / "clip.csv"
    profile.parent.mkdir(parents=True)
    text = (ROOT / "hardware_profiles" / "devices" / "titan_x.yaml").read_text()
    header = "arrived_s,camera,path,size_bytes\n"
    words = ("run", f"workload.trace={trace}", "cluster.edge=gpu", "--config-dir", str(tmp_path / "my"))
    seen: list[tuple[str, str]] = []
    for profiled, row in [(text, "0.5"), (text, "0.5"), (text.replace("0.1502", "0.3"), "0.5"), (text, "0.6")]:
        profile.write_text(profiled)
        trace.write_text(f"{header}{row},camera_1,car,2500\n")
        code, out, err = command(*words, "--quiet", "--out", str(tmp_path / "runs"))
        assert (code, err) == (0, "")
        manifest = json.loads((Path(out.splitlines()[0]) / "manifest.json").read_text())
        assert list(manifest["facts"]["inputs"]) == [
            "clip.csv", "fast_ethernet.yaml", "gpu.yaml", "jetson_tx1.yaml", "jetson_tx2.yaml", "ten_gigabit.yaml",
        ]  # fmt: skip
        assert out.splitlines()[0].endswith(manifest["run_hash"][:12])
        seen.append((out.splitlines()[0], manifest["config_hash"]))
    assert seen[0] == seen[1]
    assert len({folder for folder, _ in seen}) == 3
    assert len({config for _, config in seen}) == 1


def test_figure_alone(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("run", *SHORT, "--quiet", "--figure", str(tmp_path / "new" / "f.svg"))
    assert (code, out) == (0, f"{tmp_path}/new/f.svg\n")
    assert b"<svg" in (tmp_path / "new" / "f.svg").read_bytes()
    assert inside(tmp_path) == ["new"]


def test_names_cannot_lead_out_of_the_folder(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("run", *SHORT, "name=../../x y", "--out", str(tmp_path / "runs"), "--quiet")
    assert code == 0
    assert all(Path(line).resolve().parent == tmp_path / "runs" for line in out.splitlines())


def test_a_narrow_terminal_gets_the_table_turned(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    _, out, _ = command("run", *SHORT, "policy=camera_only,centralized")
    assert max(map(len, out.split("\n\n")[0].splitlines())) <= 60
    assert out.splitlines()[1].split() == ["policy", "camera_only", "centralized"]
    assert "latency p99" in out


def test_options_and_values_may_be_mixed(command: Command) -> None:
    assert json.loads(command("run", SHORT[0], "--json", SHORT[1], "--quiet", "seed=2")[1])["seed"] == 2


# --- list, trace -------------------------------------------------------------------------------------------------


def test_list_names_and_describes_everything(command: Command) -> None:
    code, out, err = command("list")
    assert (code, err) == (0, "")
    for kind in ("scenarios:", "policies:", "profiles:", "traces:", "metrics:"):
        assert kind in out.splitlines()
    for name in ("campus", "centralized", "jetson_tx1", "fast_ethernet", "campus_300s", "latency_s_p99"):
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE), name
    _, alone, _ = command("list", "policies")
    assert {"camera_only", "distream", "distream_fast", "static_split"} < {
        line.split()[0] for line in alone.splitlines()
    }


def test_list_has_the_users_own(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("# Of my own\ndefaults: [campus, _self_]\nname: mine\n")
    assert re.search(r"^mine +Of my own$", command("list", "scenarios", "--config-dir", str(tmp_path))[1], re.MULTILINE)


def test_a_trace_is_made_checked_shown_and_replayed(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "clips" / "clip, 1.csv"
    code, out, err = command("trace", "make", "campus", "-o", str(path), "seed=7", "horizon_s=3")
    assert (code, err) == (0, "")
    assert re.fullmatch(r".*clip, 1\.csv: \d+ ROIs in 3 s from 6 cameras, paths .*\n", out)
    code, out, _ = command("trace", "check", str(path))
    assert code == 0
    code, out, _ = command("trace", "check", str(path), "scenario=traffic")
    assert (code, out.strip().endswith("scenario traffic can replay it")) == (0, True)
    code, out, _ = command("trace", "show", str(path), "--figure", str(tmp_path / "clip.pdf"))
    assert code == 0
    assert re.search(r"^ROIs/s +mean \d", out, re.MULTILINE)
    assert (tmp_path / "clip.pdf").read_bytes().startswith(b"%PDF")
    recorded = json.loads(command("run", f"workload.trace={path}", "horizon_s=3", "seed=7", "--json")[1])
    drawn = json.loads(command("run", "workload=generated", "horizon_s=3", "seed=7", "--json")[1])
    assert recorded["metrics"] == drawn["metrics"]
    assert recorded["fingerprint"] == drawn["fingerprint"]


# --- help, errors, signals ---------------------------------------------------------------------------------------


def test_help_and_version(command: Command) -> None:
    for words in ([], ["--help"], ["run", "--help"], ["trace", "make", "--help"]):
        code, out, err = command(*words)
        assert (code, err) == (0, "")
        assert out.startswith("usage: simedge")
    assert command("--version") == (0, f"simedge {simedge.__version__}\n", "")


def test_one_version_number() -> None:
    assert simedge.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_an_internal_error_is_one_line_and_its_traceback_waits_for_debug(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("first line\nsecond line")

    monkeypatch.setattr("simedge.experiment.report.listing", broken)
    code, out, err = command("list", "policies")
    assert (code, out) == (3, "")
    assert err.startswith("simedge: internal error: ZeroDivisionError: first line; please report")
    assert err.count("\n") == 1
    with pytest.raises(ZeroDivisionError):
        cli.main(["list", "policies", "--debug"])
    monkeypatch.setenv("SIMEDGE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["list", "policies"])


def test_ctrl_c_leaves_one_line_and_nothing_else(tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "out"))
    running = subprocess.Popen(
        [sys.executable, "-m", "simedge", "run", "workload=generated", "horizon_s=3000", "report_period_s=5 ms", *out],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    time.sleep(4.0)
    assert running.poll() is None, "the run was over before it could be interrupted"
    running.send_signal(signal.SIGINT)
    said, err = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "")
    assert re.fullmatch(r"simedge: interrupted.*; nothing was written\n", err), err
    assert inside(tmp_path) == []


INTERRUPTED_IMPORT = """
import os, signal, sys

moment = sys.argv[1]

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
from simedge.__main__ import main
sys.argv[1:] = ["run", "workload=generated", "horizon_s=3"]
sys.exit(main())
"""


@pytest.mark.parametrize("module", ["simedge.interrupts", "argparse", "omegaconf", "numpy", "simedge.traces.trace"])
def test_ctrl_c_during_imports_is_one_line_too(module: str) -> None:
    done = process("-c", INTERRUPTED_IMPORT, module)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "simedge: interrupted; nothing was written\n"


def test_ctrl_c_that_others_make_something_else_of(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def swallowed(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError from None

    monkeypatch.setattr("simedge.metrics.results.Results.__post_init__", swallowed)
    monkeypatch.setattr("simedge.interrupts._seen", False)
    before = signal.getsignal(signal.SIGINT)
    try:
        interrupts.leave_at_once()
        code, out, err = command("run", *SHORT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (code, out, err) == (130, "", "simedge: interrupted\n")


def test_who_ignores_ctrl_c_goes_on_doing_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts.leave_at_once()
        interrupts.raise_from_now_on()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_says_how_far_the_run_was(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simedge.metrics.results.Results.__post_init__", stopped)
    code, out, err = command("run", *SHORT, "policy=centralized")
    assert (code, out) == (130, "")
    assert re.fullmatch(r"simedge: interrupted at 3\.0 s of 3 s \(centralized\); nothing was written\n", err), err


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [("list",), ("run", *SHORT), ("run", *SHORT, "--json"), ("--help",)])
@pytest.mark.parametrize(
    ("redirected", "reason"),
    [("> /dev/full", "No space left on device"), ("1< /dev/null", "Bad file descriptor"), (">&-", "it is closed")],
)
def test_an_output_that_takes_nothing_is_one_line(
    redirected: str, reason: str, words: tuple[str, ...], unbuffered: str
) -> None:
    command = f"{sys.executable} -m simedge {' '.join(words)} {redirected}"
    done = process("bash", "-c", command, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 2
    assert done.stderr == f"simedge: standard output: cannot be written: {reason}; redirect it to another place\n"


@pytest.mark.parametrize("redirected", ["2> /dev/full", "2>&-"])
def test_an_error_that_cannot_be_said_still_has_its_code(redirected: str) -> None:
    for words, code in (("rnu", 2), (f"run {' '.join(SHORT)} --quiet", 0)):
        done = process("bash", "-c", f"{sys.executable} -m simedge {words} {redirected}", PYTHONUNBUFFERED="")
        assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = process("bash", "-c", f"{sys.executable} -m simedge list | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_the_characters_shows_others() -> None:
    done = process("-m", "simedge", "run", *SHORT, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "real time" in done.stdout


# --- the cost of importing ---------------------------------------------------------------------------------------


def test_the_face_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'pandas', 'matplotlib', 'numpy', 'hydra', 'yaml', 'rich', 'pyarrow', 'networkx'}"
    for what in ("import simedge", "import simedge.cli; simedge.cli.main(['--help'])"):
        done = process("-c", f"import sys; {what}; found = {heavy} & set(sys.modules); assert not found, found")
        assert done.returncode == 0, done.stderr


def test_a_run_never_imports_torch() -> None:
    done = process("-c", f"import sys, simedge; simedge.run('campus', *{SHORT}); assert 'torch' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_the_face_offers_what_it_says() -> None:
    assert {"Results", "catalog", "load", "run"} <= set(dir(simedge))
    assert simedge.Results is Results
    assert simedge.catalog.names("policy")
    with pytest.raises(AttributeError, match="has no attribute 'rnu'"):
        _ = simedge.rnu


def test_help_costs_little() -> None:
    def cpu_s(*words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process(*words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    ours = min(cpu_s("-m", "simedge", "--help") for _ in range(5))
    theirs = min(cpu_s("-c", "import simpy, numpy") for _ in range(5))
    assert ours <= 1.5 * theirs, (ours, theirs)

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from simedge.errors import InputError, OutputError
from simedge.metrics.plots import comparison
from simedge.metrics.results import Results, table
from simedge.metrics.schema import TABLES, Categorical
from simedge.metrics.store import canonical, config_hash, plain, run_hash

FILES = ["manifest.json", "reports.parquet", "rois.parquet"]


def same_columns(a: Results, b: Results) -> None:
    for name in TABLES:
        for key, values in a.columns[name].items():
            other = b.columns[name][key]
            if isinstance(values, Categorical):
                assert values.names == other.names
                np.testing.assert_array_equal(values.codes, other.codes)
            else:
                assert values.dtype == other.dtype
                np.testing.assert_array_equal(values, other)  # NaN equals NaN


def test_frames_have_every_category_and_are_made_once(make_run):
    run = make_run()
    assert list(run.rois.columns) == [column.name for column in TABLES["rois"]]
    assert list(run.rois["path"].cat.categories) == ["car", "person", "other"]
    assert run.rois["camera"].tolist() == [f"camera_{i}" for i in (1, 1, 2, 2, 1, 1)]
    assert run.rois["processed_by"].isna().tolist() == [False] * 5 + [True]
    assert run.rois is run.rois
    assert run.tables["reports"] is run.reports
    assert run.reports.groupby("entity", observed=False)["queue_units"].sum().to_dict() == {
        "camera_1": 8,
        "camera_2": 3,
        "edge": 11,
    }


def test_a_change_to_a_frame_does_not_change_the_result(make_run):
    run = make_run()
    run.rois.loc[:, "latency_s"] = 0.0
    assert run.metrics["latency_s_max"] == 1.75


def test_the_summary_is_a_series_named_after_the_policy(make_run):
    summary = make_run().summary()
    assert summary.name == "camera_only"
    assert summary["latency_s_mean"] == pytest.approx(1.1)


def test_names_and_numbers_of_the_run(make_run):
    run = make_run()
    assert (run.scenario, run.policy, run.seed, run.kernel_events) == ("hand", "camera_only", 7, 42)
    assert run.fingerprint == "0123456789abcdef"


def test_a_table_of_another_name_is_refused(make_run):
    run = make_run()
    with pytest.raises(ValueError, match="rois, reports"):
        Results({"rois": run.columns["rois"]}, {}, run.facts)


def test_round_trip(make_run, tmp_path):
    run = make_run()
    assert run.save(tmp_path / "deep" / "run") == tmp_path / "deep" / "run"
    loaded = Results.load(tmp_path / "deep" / "run")
    same_columns(run, loaded)
    assert loaded.metrics == run.metrics
    assert loaded.facts == run.facts
    assert loaded.config == {**run.config, "mix": [0.5, 0.5]}  # infinity survives, a tuple becomes a list
    assert loaded.cpu_s is None
    assert loaded.compare(run).empty


def test_row_groups_join_again(make_run, tmp_path, monkeypatch):
    """Groups of two: their dictionaries name different cameras and paths."""
    monkeypatch.setattr("simedge.metrics.store._GROUP_ROWS", 2)
    run = make_run()
    run.save(tmp_path / "run")
    about = parquet.ParquetFile(tmp_path / "run" / "rois.parquet").metadata
    assert [about.row_group(k).num_rows for k in range(about.num_row_groups)] == [2, 2, 2]
    loaded = Results.load(tmp_path / "run")
    same_columns(run, loaded)
    assert loaded.metrics == run.metrics


def test_saving_makes_no_second_copy_of_the_tables(make_run, tmp_path):
    """All that Arrow holds at once is a few groups of rows, however many there are: here less than a quarter."""
    run = make_run()
    size = 2**20
    big = {
        key: Categorical(np.resize(v.codes, size), v.names) if isinstance(v, Categorical) else np.resize(v, size)
        for key, v in run.columns["rois"].items()
    }
    run.columns = {**run.columns, "rois": big}
    whole = sum(v.codes.nbytes if isinstance(v, Categorical) else v.nbytes for v in big.values())
    pool, usual = pa.proxy_memory_pool(pa.system_memory_pool()), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        run.save(tmp_path / "run")
    finally:
        pa.set_memory_pool(usual)
    assert 0 < pool.max_memory() < whole / 4


NO_ITEMS = "^this run recorded no items; run it with record=items$"


def totals_only(run: Results) -> Results:
    config = {**run.config, "record": "summary"}
    return Results({}, config, run.facts, cpu_s=run.cpu_s, totalled=run.metrics)


def test_a_run_without_items_has_its_metrics_and_says_so_where_a_table_is_needed(make_run):
    run = totals_only(make_run())
    assert run.metrics == make_run().metrics
    assert run.summary()["latency_s_mean"] == pytest.approx(1.1)
    assert "40 % late" in repr(run)
    assert "<td>1.1 s</td>" in run._repr_html_()
    assert run.compare(make_run()).empty
    assert table([run, make_run()])["latency_s_p99"].nunique() == 1
    for need in (
        lambda: run.rois,
        lambda: run.reports,
        lambda: run.tables,
        run.plot.latency,
        run.plot.queues,
        lambda: comparison({"one": run, "other": make_run()}),
    ):
        with pytest.raises(InputError, match=NO_ITEMS):
            need()


def test_a_run_without_items_is_saved_as_a_manifest(make_run, tmp_path):
    make_run().save(tmp_path / "run")
    run = totals_only(make_run(rows=0))
    run.save(tmp_path / "run")  # in the place of one with tables
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["manifest.json"]
    loaded = Results.load(tmp_path / "run")
    assert loaded.compare(run).empty
    assert math.isnan(loaded.metrics["latency_s_p99"])
    assert list(loaded.metrics) == sorted(run.metrics)
    assert loaded.facts == run.facts
    with pytest.raises(InputError, match=NO_ITEMS):
        _ = loaded.rois
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (tmp_path / "run" / "manifest.json").read_bytes()


@pytest.mark.parametrize("value", ["1.1", [1.1], True])
def test_a_metric_that_is_no_number_is_refused(make_run, tmp_path, value):
    totals_only(make_run()).save(tmp_path / "run")
    _edit(metrics__latency_s_mean=value)(tmp_path / "run")
    with pytest.raises(InputError, match="latency_s_mean"):
        Results.load(tmp_path / "run")


def test_columns_or_metrics_are_needed(make_run):
    with pytest.raises(ValueError, match="rois, reports"):
        Results({}, {}, make_run().facts)


def test_an_empty_run_makes_the_round_trip(make_run, tmp_path):
    run = make_run(rows=0)
    run.save(tmp_path / "run")
    loaded = Results.load(tmp_path / "run")
    same_columns(run, loaded)
    assert loaded.compare(run).empty
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["metrics"]["latency_s_p99"] is None


def test_two_saves_have_the_same_bytes_and_say_nothing_of_the_clock(make_run, tmp_path):
    slow = make_run()
    slow.cpu_s = 99.0
    for run, name in ((make_run(), "a"), (slow, "b"), (Results.load(make_run().save(tmp_path / "c")), "d")):
        run.save(tmp_path / name)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == FILES
    for file in FILES:
        first = (tmp_path / "a" / file).read_bytes()
        assert all((tmp_path / name / file).read_bytes() == first for name in "bcd"), file
    assert "cpu" not in (tmp_path / "a" / "manifest.json").read_text()


def test_the_manifest_is_strict_sorted_json_with_all_that_is_promised(make_run, tmp_path):
    run = make_run()
    run.save(tmp_path / "run")
    text = (tmp_path / "run" / "manifest.json").read_text()
    manifest = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    curves = {name: manifest["curves"][name] for name in sorted(manifest["curves"])}
    tail = ",\n".join(f'    "{name}": {json.dumps(values, separators=(",", ":"))}' for name, values in curves.items())
    kept = {name: item for name, item in manifest.items() if name != "curves"}
    head = json.dumps(kept, sort_keys=True, indent=2, ensure_ascii=False).removesuffix("\n}")
    assert text == f'{head},\n  "curves": {{\n{tail}\n  }}\n}}\n'  # last, and a line for each list
    assert manifest["schema_version"] == 4
    assert manifest["config"]["policy"]["beta"] == "inf"
    assert manifest["config_hash"] == config_hash(run.config)
    assert sorted(manifest["versions"]) == ["numpy", "python", "simedge", "simpy", "source"]
    assert manifest["platform"]
    assert manifest["metrics"]["slo_miss_ratio"] == pytest.approx(0.4)
    assert manifest["tables"]["rois"]["rows"] == 6


def test_parquet_tells_units_and_reads_without_simedge(make_run, tmp_path):
    make_run().save(tmp_path / "run")
    schema = parquet.read_schema(tmp_path / "run" / "rois.parquet")
    assert schema.metadata[b"simedge.schema_version"] == b"4"
    assert schema.field("latency_s").metadata[b"unit"] == b"s"
    assert schema.field("size_bytes").metadata[b"unit"] == b"bytes"
    frame = pd.read_parquet(tmp_path / "run" / "rois.parquet")
    assert frame["path"].dtype == "category"
    assert frame["latency_s"].tolist()[:5] == [0.5, 1.75, 1.0, 0.75, 1.5]
    assert math.isnan(frame["latency_s"][5])
    column = parquet.ParquetFile(tmp_path / "run" / "rois.parquet").metadata.row_group(0).column(3)
    assert column.compression == "ZSTD"


def test_the_hash_of_a_configuration_does_not_depend_on_order(make_run):
    assert config_hash({"a": 1, "b": {"c": 2.0, "d": None}}) == config_hash({"b": {"d": None, "c": 2.0}, "a": 1})
    assert config_hash({"a": 1}) != config_hash({"a": 2})
    assert len(config_hash({})) == 32


def test_the_hash_of_a_run_knows_all_that_decides_it() -> None:
    config, facts, made_by = (
        {"seed": 1},
        {"inputs": {"clip.csv": "aa"}, "kernel_events": 3},
        {"simedge": "1", "numpy": "2"},
    )
    same = run_hash(config, {**facts, "kernel_events": 4}, {**made_by, "numpy": "3"})
    assert run_hash(config, facts, made_by) == same
    others = [
        run_hash({"seed": 2}, facts, made_by),
        run_hash(config, {"inputs": {"clip.csv": "ab"}}, made_by),
        run_hash(config, {"inputs": {}}, made_by),
        run_hash(config, facts, {"simedge": "2"}),
    ]
    assert len({same, *others}) == 5


def test_what_cannot_be_json_is_refused():
    with pytest.raises(TypeError, match="manifest"):
        canonical({"policy": object()})
    assert plain({"x": np.array([1.0, np.nan]), "ok": np.bool_(True), "n": np.int64(3)}) == {
        "x": [1.0, None],
        "ok": True,
        "n": 3,
    }


def test_saving_again_replaces_a_result(make_run, tmp_path):
    make_run().save(tmp_path / "run")
    make_run(seed=8).save(tmp_path / "run")
    assert Results.load(tmp_path / "run").seed == 8
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_empty_folder_may_be_used(make_run, tmp_path):
    (tmp_path / "run").mkdir()
    make_run().save(tmp_path / "run")
    assert Results.load(tmp_path / "run").seed == 7


@pytest.mark.parametrize("present", [["thesis.tex"], ["rois.parquet"], [*FILES, "notes.txt"]])
def test_a_folder_with_anything_else_is_left_alone(make_run, tmp_path, present):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in present:
        (folder / name).write_text("precious")
    with pytest.raises(OutputError, match="would be overwritten"):
        make_run().save(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(present, "precious")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_file_in_the_way_is_left_alone(make_run, tmp_path):
    (tmp_path / "file").write_text("precious")
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(OutputError) as caught:
            make_run().save(place)
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "precious"


def test_a_failed_save_leaves_the_older_result(make_run, tmp_path):
    make_run().save(tmp_path / "run")
    worse = make_run(seed=9)
    worse.config = {"unsayable": object()}
    with pytest.raises(TypeError):
        worse.save(tmp_path / "run")
    assert Results.load(tmp_path / "run").seed == 7
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def _edit(**changes):
    def damage(folder):
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        for key, value in changes.items():
            place = manifest
            *way, last = key.split("__")
            for step in way:
                place = place[step]
            if value is None:
                del place[last]
            else:
                place[last] = value
        path.write_text(json.dumps(manifest))

    return damage


def _flip(folder):
    path = folder / "rois.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _swap(folder):
    (folder / "rois.parquet").write_bytes((folder / "reports.parquet").read_bytes())
    digest = json.loads((folder / "manifest.json").read_text())["tables"]["reports"]["digest"]
    _edit(tables__rois__digest=digest)(folder)


def _not_parquet(folder):
    from simedge import files

    (folder / "rois.parquet").write_text("hello")
    _edit(tables__rois__digest=files.digest(folder / "rois.parquet"))(folder)


DAMAGES = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "no result of simedge"),
    "no table": (lambda folder: (folder / "reports.parquet").unlink(), "reports.parquet: cannot be read"),
    "not JSON": (lambda folder: (folder / "manifest.json").write_text("{"), "is not a manifest"),
    "NaN": (lambda folder: (folder / "manifest.json").write_text('{"a": NaN}'), "NaN is not JSON"),
    "not UTF-8": (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe"), "is not a manifest"),
    "deep": (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "is not a manifest"),
    "list": (lambda folder: (folder / "manifest.json").write_text("[]"), "not the manifest of a simedge result"),
    "other format": (_edit(format="other"), "not the manifest of a simedge result"),
    "newer schema": (_edit(schema_version=5), "schema version 5"),
    "true schema": (_edit(schema_version=True), "schema version True"),
    "no facts": (_edit(facts=None), "lacks facts"),
    "no horizon": (_edit(facts__horizon_s=None), "lacks facts.horizon_s"),
    "text horizon": (_edit(facts__horizon_s="long"), "lacks facts.horizon_s"),
    "facts of another run": (_edit(facts__capacity_ips={"camera_9": 1.0}), "do not fit the tables"),
    "no digest": (_edit(tables__rois=None), "does not list the table 'rois'"),
    "digest is a list": (_edit(tables__rois=[1]), "does not list the table 'rois'"),
    "bit flip": (_flip, "not the file that was saved"),
    "other table": (_swap, "does not have the columns of table 'rois'"),
    "not Parquet": (_not_parquet, "is not a Parquet file"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_is_refused_in_one_line(make_run, tmp_path, damage):
    make_run().save(tmp_path / "run")
    break_it, message = DAMAGES[damage]
    break_it(tmp_path / "run")
    with pytest.raises(InputError) as caught:
        Results.load(tmp_path / "run")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no result of simedge"):
        Results.load(tmp_path / "nowhere")


def test_compare_lists_what_differs(make_run):
    a, b = make_run(), make_run(slo_s=1.6, bytes={"camera_1": 5000.0, "camera_2": 5000.0})
    differences = a.compare(b)
    assert list(differences.index) == ["slo_miss_ratio", "uplink_bytes", "uplink_bytes.camera_2"]
    row = differences.loc["slo_miss_ratio"]
    assert row.tolist() == pytest.approx([0.4, 0.2, -0.2, -0.5])
    assert list(a.compare(b, rel=0.4).index) == ["slo_miss_ratio", "uplink_bytes.camera_2"]
    assert list(a.compare(b, abs=0.3).index) == ["uplink_bytes", "uplink_bytes.camera_2"]
    assert a.compare(b, rel=0.5).empty
    assert a.compare(a).empty


def test_compare_lists_metrics_undefined_on_one_side(make_run):
    differences = make_run().compare(make_run(rows=0), rel=1e9)
    assert "latency_s_mean" in differences.index
    assert math.isnan(differences.loc["latency_s_mean", "other"])
    assert make_run(rows=0).compare(make_run(rows=0)).empty


def test_a_table_has_a_row_per_run(make_run):
    frame = table([make_run(), make_run(policy="mine", seed=3, busy_s={"camera_1": 1.0})])
    assert list(frame.columns[:4]) == ["scenario", "policy", "seed", "arrived_units"]
    assert frame[["policy", "seed"]].values.tolist() == [["camera_only", 7], ["mine", 3]]
    assert frame["latency_s_mean"].tolist() == pytest.approx([1.1, 1.1])
    assert frame["utilisation.gpu_1"].isna().tolist() == [False, True]
    assert list(table([]).columns) == ["scenario", "policy", "seed"]


def test_html_shows_the_numbers_and_escapes_names(make_run):
    shown = make_run(policy="<script>")._repr_html_()
    assert "<script>" not in shown
    assert "hand · &lt;script&gt; · seed 7" in shown
    assert "<td>1.1 s</td>" in shown
    assert "<td>40 %</td>" in shown
    assert "<td>1.2 units/s</td>" in shown


def test_repr_is_one_telling_line(make_run):
    assert repr(make_run()) == (
        "<Results hand · camera_only · seed 7: 1.2 units/s, latency 1.1 s mean, 1.74 s p99, 40 % late, 83.3 % served>"
    )
    assert "latency – mean" in repr(make_run(rows=0))


def test_importing_results_is_cheap():
    check = "import sys, simedge.metrics.results; assert not {'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)

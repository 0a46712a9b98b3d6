"""Files of results: found writable before the work, written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sed2.errors import ExitCode, UsageError
from sed2.ranking.results import Crossing, Demand
from sed2.report.documents import model as files
from sed2.report.documents.stability import stability_csv
from sed2.report.documents.text import _finite, to_csv
from sed2.report.outputs import Outputs
from tests.report.made import made_bound, made_ranking, made_result
from tests.report.test_stability import made_stability

ENDS = ("low", "high")


def check(**paths: str | Path) -> Outputs:
    json_, csv_, plot, html = (paths.get(option) for option in ("json", "csv", "plot", "html"))
    return Outputs.check(
        json=str(json_) if json_ else None,
        csv=Path(csv_) if csv_ else None,
        plot=Path(plot) if plot else None,
        html=Path(html) if html else None,
    )


def refusal(**paths: str | Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        check(**paths)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.mend
    return caught.value


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    old = tmp_path / "old.csv"
    old.write_text("mine")
    check(json=tmp_path / "new.json", csv=old, plot=tmp_path / "new.png")
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert old.read_text() == "mine"


@pytest.mark.parametrize("option", ["json", "csv", "plot", "html"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, option: str) -> None:
    folder = tmp_path / "folder.png"
    folder.mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop.png").symlink_to("loop.png")
    for path, cause in {
        folder: "it is a folder",
        tmp_path / "none" / "x.png": "there is no folder",
        tmp_path / "file" / "x.png": "there is no folder",
        tmp_path / f"{'x' * 300}.png": "too long",
        tmp_path / "loop.png": "symbolic links",
    }.items():
        error = refusal(**{option: path})
        assert error.where == option
        assert cause in error.cause


@contextmanager
def not_root() -> Iterator[None]:
    """As `nobody`, where this is root, who may write everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are others here")
def test_a_file_or_folder_without_permission_is_refused() -> None:
    with tempfile.TemporaryDirectory() as temporary:  # pytest's own is closed to others
        os.chmod(temporary, 0o755)
        file, folder = Path(temporary, "file.csv"), Path(temporary, "folder")
        file.touch(mode=0o444)
        folder.mkdir(mode=0o555)
        with not_root():
            assert "ermission" in refusal(csv=file).cause
            assert "ermission" in refusal(csv=folder / "x.csv").cause


@pytest.mark.parametrize("name", ["x.jpeg", "x", ".png", "x.png.bak", "-"])
def test_an_unknown_format_of_figure_is_refused(name: str) -> None:
    error = refusal(plot=name)
    assert error.where == "plot"
    assert ".png, .svg, .pdf" in error.mend


def test_capital_suffixes_are_known(tmp_path: Path) -> None:
    check(plot=tmp_path / "x.PDF").write(made_result())
    assert (tmp_path / "x.PDF").read_bytes().startswith(b"%PDF")


def test_two_outputs_cannot_share_a_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("x")
    error = refusal(json=tmp_path / "x", csv=tmp_path / "link")
    assert error.where == "csv"
    assert "the file of --json already" in error.cause


def test_only_json_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    check(json="-").write(made_result())
    assert json.loads(capsys.readouterr().out)["schema_version"] == 1
    assert refusal(csv="-").where == "csv"
    assert refusal(html="-").where == "html"


def test_a_page_is_written_with_the_other_files(tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    outputs = check(json=tmp_path / "x.json", html=page)
    outputs.write(made_ranking([made_result("a"), made_result("b")]))
    assert page.read_text().startswith("<!doctype html>")
    outputs.write(made_result("alone"))
    assert "<h1>alone: lower 2sED 525.5 " in page.read_text()
    assert refusal(json=page, html=page).where == "html"


def test_devices_take_everything() -> None:
    outputs = check(json=os.devnull, csv=os.devnull)
    outputs.write(made_result())
    assert not Path(os.devnull).is_file()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link, dangling = (tmp_path / name for name in ("target", "link", "dangling"))
    target.write_text("old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "new")
    check(json=link, csv=dangling).write(made_result())
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert json.loads(target.read_text())["schema_version"] == 1
    assert (tmp_path / "new").read_text().startswith("model,")


def test_files_have_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    check(json=tmp_path / "x").write(made_result())
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "x")}
    assert len(modes) == 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    old = tmp_path / "old.json"
    old.write_text("old")
    outputs = check(json=old)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UsageError, match=r"old\.json`: No space left on device\. .*complete"):
        outputs.write(made_result())
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_numbers_that_are_not_finite_become_null(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    result = made_result(error=math.inf)
    check(json=path).write(replace(result, upper_bound=np.array([1.0, np.inf, -np.inf])))
    text = path.read_text()
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    assert document["two_sed"]["std_error"] == [None] * 3
    assert document["lower_two_sed"]["std_error"] == [None] * 3
    assert document["score_std_error"] is None
    assert document["upper_bound"] == [1.0, None, None]


def test_what_is_not_known_of_a_bound_is_null(tmp_path: Path) -> None:
    path, nan = tmp_path / "x.json", float("nan")
    model = made_result(value=700.0, zeta=0.7, n_train=1000)
    model = replace(model, max_eigenvalue=nan, upper_bound=np.full(3, nan))
    check(json=path).write(made_bound(model))
    document = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert document["vacuous"] is True
    assert document["gamma_0"] is None
    for key in ("d_zeta", "log_probability", "smallest_k"):
        assert document[key]["upper_bound"] is None
        assert document[key]["estimate"] is not None
    for key in ("upper_bound", "equal_cubes"):
        assert document["log_covering"][key] == [None] * 3
        assert document["log_covering_at_eps_n"][key] is None
    assert document["log_covering"]["vacuous"] == [True] * 3


def test_a_ranking_without_n_train_has_no_eps_n(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    check(json=path).write(made_ranking([made_result("a"), made_result("b")]))
    document = json.loads(path.read_text())
    assert document["eps_n"] is None
    assert document["correlation"] is None
    assert [model["separation"] for model in document["models"]] == [1.25, None]


def test_a_lower_estimate_has_its_scatter_but_no_error_in_the_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    check(json=path).write(made_result(value=500, error=10, lower_estimate=True))
    document = json.loads(path.read_text())
    curve = document["lower_two_sed"]
    assert curve["lower_estimate"] == [True] * 3
    assert curve["std_error"] == curve["interval_95"] == [None] * 3
    assert curve["scatter"] == curve["std_error_draws"] == [10] * 3
    assert document["score_lower_estimate"] is True
    assert document["score_std_error"] is document["score_interval_95"] is None
    assert document["score_scatter"] == 10
    check(json=path).write(made_result(value=500, error=10))
    document = json.loads(path.read_text())
    assert document["lower_two_sed"]["interval_95"] == [[480, 520]] * 3
    assert document["lower_two_sed"]["lower_estimate"] == [False] * 3
    assert document["score_interval_95"] == [480, 520]


def test_the_json_of_a_ranking_tells_how_sure_the_order_is(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    ranking = made_ranking([made_result("a"), made_result("b")])
    crossing = Crossing(0.02, "a", "b", (0.01, float("nan")), 0.75)
    check(json=path).write(replace(ranking, crossings=(crossing,), demand=Demand(0.95, 800, 400)))
    document = json.loads(path.read_text())
    first, last = document["models"]
    assert first["probability_best"] == {"score": 0.5, "curve": [0.5] * 3}
    assert first["order_probability"] == {"score": 0.875, "curve": [0.875] * 3}
    assert last["order_probability"] == {"score": None, "curve": [None] * 3}
    (told,) = document["crossings"]
    assert told["eps_interval"] == [0.01, None]
    assert told["probability"] == 0.75
    assert document["until_decided"] == {
        "probability": 0.95,
        "max_draws": 800,
        "max_samples": 400,
        "budget": None,
    }


def test_json_is_ascii_whatever_the_names(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    check(json=path).write(made_result("Größe 模型"))
    assert path.read_bytes().isascii()
    assert json.loads(path.read_text())["model"]["name"] == "Größe 模型"


@given(st.recursive(st.floats() | st.integers() | st.text() | st.none(), st.lists))
def test_any_numbers_make_json(value: object) -> None:
    assert json.loads(json.dumps(_finite(value), allow_nan=False)) == _finite(value)


FORMULA = ("=", "+", "-", "@")


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("start", FORMULA)
def test_a_cell_that_would_be_a_formula_is_quoted(start: str) -> None:
    """In every CSV: of `compute`, `rank` and `stability`."""
    name = f"{start}1+1"
    rows = list(csv.reader(io.StringIO(to_csv([[name, "a=1", -1.5, "-1.5", "+inf"]]), newline="")))
    assert rows == [[f"'{name}", "a=1", "-1.5", "-1.5", "+inf"]]
    assert f"'{name}" in files.csv_text([made_result(name)])
    study = made_stability(3)
    models = (replace(study.models[0], name=name), *study.models[1:])
    assert f"'{name}" in stability_csv(replace(study, models=models))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])), st.floats(0, 1e300))
def test_csv_reads_back_exactly(name: str, value: float) -> None:
    text = files.csv_text([made_result(name, value=value)])
    rows = list(csv.DictReader(io.StringIO(text)))
    quote = "'" if name.startswith(FORMULA) and not is_number(name) else ""
    assert [row["model"] for row in rows] == [quote + name] * 3
    assert [float(row["eps"]) for row in rows] == [0.001, 0.01, 0.1]
    assert [float(row["lower_two_sed"]) for row in rows] == [value] * 3
    assert {row["two_sed_std_error"] for row in rows} == {""}
    assert {row["two_sed_low"] for row in rows} == {""}
    low, high = (np.array([float(row[f"lower_two_sed_{end}"]) for row in rows]) for end in ENDS)
    assert ((low <= value) & (value <= high)).all()

"""Bad input: one message with the cause, the place and the mend; the right code; no output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sed2 import api
from tests.cli.conftest import FAST, Run
from tests.data.writers import idx, tar


def check(sed2: Run, code: int, parts: list[str], *arguments: str | Path) -> None:
    ran = sed2(*arguments)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert ran.err.count("error: ") == 1
    assert "Traceback" not in ran.err
    for part in parts:
        assert part in ran.err


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML = {
    "misspelt key": ("modles: [MLP 54-3-7]", ["spec.yaml:1:1", "modles", "Did you mean `models`"]),
    "misspelt option": (
        "models:\n  - name: a\n    blocks:\n      - dense: {featurs: 3}\n",
        ["spec.yaml:4:17", "featurs", "`features`"],
    ),
    "wrong value": (
        "models:\n  - blocks: [dense: {features: 3, activation: rellu}]\n",
        ["spec.yaml:2:", "rellu", "Did you mean `relu`", "gelu"],
    ),
    "repeated key": (
        "dataset: covertype\ndataset: other\nmodels: [MLP 54-3-7]\n",
        ["spec.yaml:2:1", "dataset", "1"],
    ),
    "broken": ("models: [MLP 54-3-7\n", ["spec.yaml:"]),
    "tag": ("models: !!python/object/apply:os.system [ls]\n", ["spec.yaml:1:9", "tag"]),
    "alias bomb": (BOMB, ["spec.yaml:"]),
    "empty": ("", ["spec.yaml", "empty"]),
    "text": ("hello world", ["spec.yaml:1:1"]),
    "no models": ("models: []\n", ["spec.yaml:1:9", "models"]),
    "eps of the file": ("eps: 2\nmodels: [MLP 54-3-7]\n", ["spec.yaml:1:6", "eps", "below 1"]),
    "notation": ("models:\n  - MLP 54--7\n", ["spec.yaml:2:5", "width is missing"]),
}


@pytest.mark.parametrize(("text", "parts"), YAML.values(), ids=YAML)
def test_faults_in_yaml(sed2: Run, text: str, parts: list[str]) -> None:
    Path("spec.yaml").write_text(text)
    check(sed2, 2, parts, "rank", "spec.yaml", *FAST)


ARGUMENTS = {
    "one width": ("MLP 54", [], ["MLP 54", "at least two widths"]),
    "missing width": ("MLP 54--7", [], ["width is missing"]),
    "width of the data": ("MLP 53-3-7", [], ["53", "54 features", "MLP 54-3-7"]),
    "no such file": ("nothing.yaml", [], ["nothing.yaml"]),
    "eps above": ("MLP 54-3-7", ["--eps", "0.1,1.5"], ["--eps", "1.5", "below 1"]),
    "eps zero": ("MLP 54-3-7", ["--eps", "0"], ["--eps", "above 0"]),
    "eps text": ("MLP 54-3-7", ["--eps", "small"], ["--eps", "small", "LOW:HIGH"]),
    "zeta one": ("MLP 54-3-7", ["--zeta", "1"], ["--zeta", "below 1"]),
    "zeta negative": ("MLP 54-3-7", ["--zeta", "-0.1"], ["--zeta", "0"]),
    "no samples": ("MLP 54-3-7", ["--samples", "0"], ["--samples", "1"]),
    "no draws": ("MLP 54-3-7", ["--draws", "0"], ["--draws", "1"]),
    "negative draws": ("MLP 54-3-7", ["--draws", "-3"], ["--draws", "1"]),
    "sigma zero": ("MLP 54-3-7", ["--sigma", "0"], ["--sigma", "0"]),
    "sigma limit of a softmax": (
        "MLP 54-3-7",
        ["--sigma", "limit", "--likelihood", "categorical"],
        ["leaves nothing of the last of the 2 blocks", "--chain end-to-end, or a number for"],
    ),
    "fisher": ("MLP 54-3-7", ["--fisher", "expcted"], ["--fisher", "Did you mean `expected`"]),
    "prior": ("MLP 54-3-7", ["--prior", "trch"], ["--prior", "trch", "torch"]),
    "prior without numbers": ("MLP 54-3-7", ["--prior", "uniform"], ["--prior", "uniform:A:B"]),
    "n_train of one": ("MLP 54-3-7", ["--n-train", "1"], ["--n-train", "2"]),
    "huge number": ("MLP 54-3-7", ["--samples", "9" * 30], ["--samples", "at most"]),
    "empty spec": ("", [], ["empty"]),
    "csv on stdout": ("MLP 54-3-7", ["--csv", "-"], ["--csv", "stdout"]),
    "one file twice": ("MLP 54-3-7", ["--json", "x", "--csv", "./x"], ["--csv", "--json"]),
    "figure": ("MLP 54-3-7", ["--plot", "x.jpeg"], ["--plot", "x.jpeg", ".png"]),
}


@pytest.mark.parametrize(("spec", "options", "parts"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_faults_in_arguments(sed2: Run, spec: str, options: list[str], parts: list[str]) -> None:
    check(sed2, 2, parts, "compute", spec, *FAST, *options)


def test_a_model_must_be_picked_from_several(sed2: Run) -> None:
    Path("spec.yaml").write_text("models: [MLP 54-3-7, MLP 54-4-7]\n")
    check(sed2, 2, ["--model", "MLP 54-3-7, MLP 54-4-7"], "compute", "spec.yaml", *FAST)
    check(
        sed2,
        2,
        ["--model", "Did you mean `MLP 54-4-7`"],
        "compute",
        "spec.yaml",
        "--model",
        "MLP 54-5-7",
        *FAST,
    )


def test_a_model_too_large_for_the_memory(sed2: Run) -> None:
    check(sed2, 5, [" GB", "--memory-gb"], "compute", "MLP 54-4000000000-7", *FAST)


CSV = {
    "text": ("a,b,label\n1,2,0\n1,two,1\n", ["data.csv:3:b", "two", "not a number"]),
    "NaN": ("a,b,label\n1,2,0\n1,nan,1\n", ["data.csv", "3", "b"]),
    "empty cell": ("a,b,label\n1,,0\n", ["data.csv:2:b", "empty"]),
    "ragged": ("a,b,label\n1,2,0\n1,2\n", ["data.csv:3"]),
    "no header": ("1,2,0\n3,4,1\n", ["data.csv:1", "header"]),
    "nothing": ("", ["data.csv", "empty"]),
}


@pytest.mark.parametrize(("text", "parts"), CSV.values(), ids=CSV)
def test_faults_in_csv(sed2: Run, text: str, parts: list[str]) -> None:
    Path("data.csv").write_text(text)
    check(sed2, 4, parts, "compute", "MLP 2-3-2", "--dataset", "data.csv")


def test_faults_in_npz(sed2: Run) -> None:
    x = np.ones((50, 2))
    np.savez("whole.npz", x=x)
    whole = Path("whole.npz").read_bytes()
    Path("cut.npz").write_bytes(whole[: len(whole) // 2])
    Path("random.npz").write_bytes(np.random.default_rng(0).bytes(500))
    x[3, 1] = np.nan
    np.savez("nan.npz", x=x)
    np.savez("text.npz", x=np.array([["a", "b"]]))
    np.savez("other.npz", z=x)
    np.savez("pickle.npz", x=np.array([[{}, {}]], dtype=object))
    for name, parts in {
        "cut": ["cut.npz"],
        "random": ["random.npz"],
        "nan": ["nan.npz", "3"],
        "text": ["text.npz", "x"],
        "other": ["other.npz", "z", "x"],
        "pickle": ["pickle.npz"],
        "missing": ["missing.npz"],
    }.items():
        check(sed2, 4, parts, "compute", "MLP 2-3-2", "--dataset", f"{name}.npz")


def test_faults_in_images(sed2: Run) -> None:
    images = idx(np.zeros((3, 2, 2), np.uint8))
    Path("cut.idx").write_bytes(images[:-1])
    Path("labels-of-others-images.idx").write_bytes(images)
    Path("labels-of-others-labels.idx").write_bytes(idx(np.zeros(2, np.uint8)))
    Path("text.tar.gz").write_text("text")
    Path("other.tar.gz").write_bytes(tar({"folder/file": b""}))
    evil = b"\x80\x02cos\nsystem\nU\x0amkdir made\x85R."
    Path("evil.tar.gz").write_bytes(tar({"cifar-100-python/train": evil}))
    Path("cifar-100-python").mkdir()
    Path("cifar-100-python/test").write_bytes(b"")
    Path("empty").mkdir()
    for name, parts in {
        "cut.idx": ["cut.idx", "12 bytes", "11"],
        "labels-of-others-images.idx": ["labels-of-others-labels.idx", "(2,)", "3 images"],
        "text.tar.gz": ["text.tar.gz", "not a tar archive"],
        "other.tar.gz": ["other.tar.gz", "`folder`"],
        "evil.tar.gz": ["evil.tar.gz", "`train`", "`os.system`"],
        "cifar-100-python": ["cifar-100-python", "`train`", "missing"],
        "empty": ["empty", "folder", "train-images-idx3-ubyte", "cifar-10-batches-py"],
        "missing.idx": ["missing.idx", "no such file"],
        "missing.tar.gz": ["missing.tar.gz", "no such file"],
    }.items():
        check(sed2, 4, parts, "compute", "MLP 4-3-2", "--dataset", name)
    assert not Path("made").exists()


def test_an_unknown_data_set(sed2: Run) -> None:
    check(
        sed2, 4, ["covertyp", "Did you mean `covertype`"],
        "compute", "MLP 54-3-7", "--dataset", "covertyp",
    )  # fmt: skip


@pytest.mark.parametrize("command", ["compute", "rank"])
@pytest.mark.parametrize("option", ["--json", "--csv", "--plot"])
@pytest.mark.parametrize("path", ["nowhere/out.png", ".", "/proc/out.png"])
def test_an_output_that_cannot_be_written_is_found_before_the_work(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, command: str, option: str, path: str
) -> None:
    monkeypatch.setattr(api, command, lambda *_, **__: pytest.fail("the work began"))
    if option == "--plot" and path == ".":
        path = "folder.png"
        Path(path).mkdir()
    check(sed2, 2, [option, path], command, "MLP 54-3-7", *FAST, option, path)


def test_a_fault_in_the_yaml_names_its_keys_and_not_options(sed2: Run) -> None:
    Path("s.yaml").write_text("models:\n  - draws: 5\n    blocks: [{dens: {features: 7}}]\n")
    ran = sed2("validate", "s.yaml", "--dataset", "covertype")
    assert ran.code == 2
    assert "--name" not in ran.err
    Path("s.yaml").write_text("models:\n  - name: a\n  - MLP 54-3-7\n")
    ran = sed2("validate", "s.yaml", "--dataset", "covertype")
    assert ran.code == 2
    assert "--name" not in ran.err
    assert "s.yaml:2" in ran.err

"""Data that are held in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from flax import nnx

import sed2
from sed2.data.load import load_dataset
from sed2.errors import DataError, SpecError, UsageError

X = np.array([[1.0, 0], [2.5, -1], [0, 3]])
KINDS = ["b", "a", "b"]
FRAME = pd.DataFrame({"u": X[:, 0], "v": X[:, 1], "kind": KINDS})
FAST: dict[str, Any] = {"samples": 6, "draws": 4, "eps": 0.1}


class Items:
    """A dataset by rows, as of torch."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> Any:
        return self.items[row]


class Columns:
    """A dataset by columns, as of Hugging Face."""

    def __init__(self, **columns: Any) -> None:
        self.columns_ = columns
        self.column_names = list(columns)

    def __len__(self) -> int:
        return len(self.columns_[self.column_names[0]])

    def with_format(self, kind: str) -> Columns:
        assert kind == "numpy"
        return self

    def __getitem__(self, name: str) -> Any:
        return np.asarray(self.columns_[name])


FORMS: dict[str, Any] = {
    "arrays": (X, KINDS),
    "lists": [X.tolist(), KINDS],
    "DataFrame": FRAME,
    "DataFrame with categories": FRAME.astype({"kind": "category"}),
    "dict": {"x": X, "y": KINDS, "other": 3},
    "pairs": Items(*zip(X, KINDS, strict=True)),
    "mappings": Items(*({"x": x, "label": k} for x, k in zip(X, KINDS, strict=True))),
    "columns": Columns(u=X[:, 0], label=KINDS, v=X[:, 1]),
    "a column of arrays": Columns(pixels=X, labels=KINDS),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_data(form: str) -> None:
    data = load_dataset(FORMS[form])
    np.testing.assert_array_equal(data.x, X, strict=True)
    np.testing.assert_array_equal(data.y, np.array([1, 0, 1]), strict=True)
    assert data.sha256 == load_dataset((X, KINDS)).sha256


def test_what_the_caller_holds_is_left_alone() -> None:
    x, y = X.copy(), np.array([0.5, 1, 2])
    for form in ((x, y), {"x": x, "y": y}, pd.DataFrame(x)):
        load_dataset(form, standardize=True)
    x[0], y[0] = 7, 7  # still writable
    assert X[0, 0] == 1


def test_labels_by_name_or_none() -> None:
    frame = FRAME.assign(kind=[1, 0, 1])
    np.testing.assert_array_equal(load_dataset(frame, label="u").x, np.c_[X[:, 1], [1, 0, 1]])
    assert load_dataset(frame, label="none").input_shape == (3,)
    assert load_dataset((X, None)).y is None
    assert load_dataset(X).y is None
    assert load_dataset((X, KINDS), label="none").y is None
    assert load_dataset({"x": X}).y is None
    assert load_dataset(Items(*X)).y is None
    assert load_dataset(Columns(a=X[:, 0], b=X[:, 1])).y is None
    named = load_dataset({"features": X, "kind": KINDS}, x_key="features", y_key="kind")
    np.testing.assert_array_equal(named.y, [1, 0, 1])
    several = Columns(a=X, b=X + 1, kind=KINDS)
    np.testing.assert_array_equal(load_dataset(several, x_key="b", y_key="kind").x, X + 1)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (3, "a `int` is no data"),
        ((X, KINDS, X), r"a tuple of 3 is not \(x, y\)"),
        ((np.ma.masked_less(X, 0), KINDS), "array `x` has masked values"),
        (Items((X[0], 1, 2)), "an item has 3 parts"),
        ([], "a `list` is no data that can be read, or is empty"),
        ({"features": X}, "no array `x`; the mapping holds `features`"),
        ((X, KINDS[:2]), r"array `y` has shape \(2,\), but `x` has 3 rows"),
        (([[1, 2], [3]], [0, 1]), "`x` is no array of numbers"),
        ((X.astype(str), KINDS), "`x` holds `<U32`, not real numbers"),
        ((X, ["a", None, "b"]), "`y` has no value in row 1"),
        ((X, np.array(["a", 1, "b"], object)), r"`y` holds Python objects \(int, str\)"),
        (FRAME.assign(v=["s", "t", "u"]), "column `v` holds texts"),
        (FRAME.assign(v=[1.0, np.nan, 2]), "column `v` holds nan in row 1"),
        (FRAME.assign(v=pd.array([1, None, 2], "Int64")), "column `v` (has no|holds nan)"),
        (FRAME.assign(v=pd.to_datetime(["2020"] * 3)), "column `v` holds `datetime64"),
        (FRAME[["kind"]], "0 columns besides the label"),
        (FRAME[:0], "there are 0 rows"),
        (pd.concat([FRAME, FRAME], axis=1), "two columns are named `u`"),
        (Items((X[0], 1), (X[0, :1], 0)), r"item 1 has inputs of shape \(1,\)"),
        (Items({"pixels": X[0]}), "no array `x`; an item holds `pixels`"),
        (Items((np.ones((3, 8, 8)), 1)), "channels first"),
    ],
)
def test_what_is_no_data_is_told(data: Any, cause: str) -> None:
    with pytest.raises(DataError, match=cause) as refused:
        load_dataset(data)
    assert refused.value.mend
    assert str(refused.value).isprintable()


def test_sets_of_sets_are_several() -> None:
    sets = Columns(x=X)
    sets.column_names = {"train": ["x"], "test": ["x"]}  # type: ignore[assignment]
    with pytest.raises(DataError, match=r"several sets: train, test. Give one.*data\['train'\]"):
        load_dataset(sets)


def test_a_verb_takes_the_data_themselves() -> None:
    held = sed2.compute("MLP 2-3-2", dataset=(X, KINDS), **FAST)
    assert held.settings.dataset == "arrays"
    framed = sed2.compute("MLP 2-3-2", dataset=FRAME, **FAST)
    assert (framed.settings.dataset, framed.settings.label) == ("DataFrame", "kind")
    np.testing.assert_array_equal(held.curve.estimate, framed.curve.estimate)
    with pytest.raises(UsageError, match="label: it means nothing here: `arrays` has no columns"):
        sed2.compute("MLP 2-3-2", dataset=(X, KINDS), label="kind", **FAST)
    (checked,) = sed2.validate("MLP 2-3-2", dataset=FRAME)
    assert checked.input_shape == (2,)
    ranking = sed2.rank(["MLP 2-3-2", "MLP 2-4-2"], dataset=FRAME, **FAST)
    assert len(ranking) == 2


def test_the_same_data_in_another_form_are_found_in_a_run_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = sed2.compute("MLP 2-3-2", dataset=(X, KINDS), run_dir=tmp_path, **FAST)
    monkeypatch.setattr("sed2.tasks.estimate", lambda *_, **__: pytest.fail("it is known"))
    again = sed2.compute("MLP 2-3-2", dataset=FRAME, run_dir=tmp_path, **FAST)
    np.testing.assert_array_equal(held.curve.estimate, again.curve.estimate)


def test_numbers_are_trained_on_by_their_squared_error() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    held: dict[str, Any] = {"dataset": (x, x[:, 0] - 0.5), **FAST, "epochs": 2, "train_seeds": 2}
    (model,) = sed2.rank("MLP 2-3-1", train=True, score="lower", **held)
    assert model.training is not None
    assert model.training.objective == "squared error"
    assert model.training.accuracy is None
    assert sed2.select(["MLP 2-3-1", "MLP 2-4-1"], budget="100%", prune_by="none", **held).choice
    with pytest.raises(SpecError, match="has 3 outputs, but `arrays` has 1 targets"):
        sed2.rank("MLP 2-3-3", train=True, **held)
    (checked,) = sed2.validate("MLP 2-3-1", dataset=held["dataset"])
    assert checked.numbers
    assert not sed2.validate("MLP 2-3-1", dataset=(x, x[:, 0] > 0))[0].numbers


def test_the_numbers_of_tokens_are_no_quantities() -> None:
    x = np.array([[3, 5], [0, 7], [2, 2]])
    with pytest.raises(SpecError, match=r"look like those of tokens, and `dense`.*`embedding`"):
        sed2.compute("MLP 2-3-2", dataset=(x, KINDS), **FAST)
    with pytest.raises(SpecError, match="look like those of tokens"):
        sed2.validate("MLP 2-3-2", dataset=(x, KINDS))
    assert sed2.validate("MLP 2-3-2", dataset=(x.astype(float), KINDS))
    assert sed2.validate("MLP 2-3-2", dataset=FRAME.assign(u=[1, 2, 3], v=[3, 4, 5]))
    tokens = {"blocks": [{"embedding": {"vocabulary": 8, "features": 2}}, "flatten"]}
    assert sed2.validate({"models": [tokens]}, dataset=(x, KINDS))


class Dense(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layer = nnx.Linear(2, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(self.layer(x)) ** 2


class LookUp(nnx.Module):
    kind: Any = int

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.table = nnx.Embed(8, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.table(x.astype(self.kind)).sum(axis=1)


class LookUpByQuantities(LookUp):
    kind = float


def test_a_network_of_ones_own_does_not_take_tokens_for_quantities_either() -> None:
    x = np.array([[3, 5], [0, 7], [2, 2]])
    for manner, network in (("auto", Dense), ("one", Dense), ("auto", [Dense(nnx.Rngs(0)).layer])):
        with pytest.raises(SpecError, match=r"look like those of tokens, and `(dense|linear)`"):
            sed2.validate(network, dataset=(x, KINDS), blocks=manner)
        assert sed2.validate(network, dataset=(x.astype(float), KINDS), blocks=manner)
    assert sed2.validate(LookUp, dataset=(x, KINDS))
    with pytest.raises(SpecError, match=r"must be an integer.*`x.astype\(int\)`"):
        sed2.validate(LookUpByQuantities, dataset=(x, KINDS))


def test_torch_itself() -> None:
    torch = pytest.importorskip("torch", reason="needs torch")
    x = torch.tensor(X)
    y = torch.tensor([1, 0, 1])
    sets = [torch.utils.data.TensorDataset(x, y), (x, y), (x.requires_grad_(False).numpy(), y)]
    for data in sets:
        assert load_dataset(data).sha256 == load_dataset((X, KINDS)).sha256
    half = torch.utils.data.Subset(sets[0], [0, 1])
    np.testing.assert_array_equal(load_dataset(half).x, X[:2])


def test_hugging_face_itself() -> None:
    datasets = pytest.importorskip("datasets", reason="needs datasets")
    data = datasets.Dataset.from_dict({"u": X[:, 0], "v": X[:, 1], "label": [1, 0, 1]})
    assert load_dataset(data).sha256 == load_dataset((X, KINDS)).sha256
    images = datasets.Dataset.from_dict({"image": np.ones((3, 2, 2)), "label": [1, 0, 1]})
    assert load_dataset(images).input_shape == (2, 2)
    with pytest.raises(DataError, match="several sets: train"):
        load_dataset(datasets.DatasetDict({"train": data}))


def test_polars_itself() -> None:
    polars = pytest.importorskip("polars", reason="needs polars")
    data = polars.DataFrame({"u": X[:, 0], "v": X[:, 1], "kind": KINDS})
    assert load_dataset(data).sha256 == load_dataset((X, KINDS)).sha256

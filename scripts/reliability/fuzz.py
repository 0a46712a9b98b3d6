"""Specs and stored files that nobody wrote: taken as what they are, or refused cleanly."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from scripts.reliability.damage import SMALL
from scripts.reliability.lab import apart
from scripts.reliability.trying import Outcome, Try, demand
from sed2 import api
from sed2.blocks import KINDS as BLOCKS
from sed2.cli.app import run
from sed2.data.load import load_dataset
from sed2.errors import NumericsError, Sed2Error
from sed2.gating.baseline import to_text
from sed2.report.documents.model import compute_document
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.text import to_json
from sed2.results import ModelResult
from sed2.runs.codec import to_bytes
from sed2.runs.manifest import NAME, read_manifest
from sed2.runs.store import Store, sealed
from sed2.settings import Settings

TITLE = "Fuzz"
ABOUT = (
    "Every example must be taken as what it is, or refused by one line of sed2; nothing else may "
    "come of it, and no line of output may hold a control character or begin with `::`. Settings "
    "that `validate` takes must be computed, to finite numbers; a NumericsError, which the "
    "settings alone do not tell, counts as taken. Of a stored file that nothing but a right "
    "checksum vouches for, the types are checked and no more: checksums are against accidents, "
    "not against forgery. The peak is that of the process that tries up to 1,000 examples."
)
SPECS = (
    "dataset: covertype\neps: 1e-3:1e-1\nmodels:\n  - MLP 54-16-7\n  - {name: b, notation: MLP "
    "54-3-7, sigma: 0.1}\n",
    "samples: 5\nmodels:\n  - name: a\n    blocks:\n      - dense: {features: 3, activation: relu, "
    "bias: false}\n      - dense: {features: 7}\n",
    "dataset: mnist\nmodels:\n  - name: c\n    blocks: &b\n      - conv: {features: 2, "
    "kernel_size: 3, pool: {kind: max, size: 2}}\n      - flatten: {kind: plain}\n      - "
    "residual: {blocks: [{norm: {kind: layer}}]}\n  - {name: d, blocks: *b}\n",
)
"""Valid specs, to be changed a little."""
TOKENS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "- ",
        "\n",
        "  ",
        "#",
        "&b ",
        "*b",
        "!!python/object:os.system ",
    ),
    *("\x1b[2J", "\u202e", "::error::", "\\ud83d\\ude00", "0x1F", "1_000", "<<: *b", "? "),
    *("'", '"', "\t", "\0", "\ufeff", "é", "~", "-1", "0", "1e999", ".nan", "1e-3", "9" * 30, "|"),
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-2, 70)
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
)


Edit = tuple[str, int, int, str, int]
"""Its kind, place and length, a text and a byte."""


def texts() -> st.SearchStrategy[bytes]:
    """Valid specs after a few cuts, repetitions and insertions, and bytes without any sense."""
    changed = st.tuples(st.sampled_from(SPECS), st.lists(edits(400), min_size=1, max_size=3)).map(
        lambda drawn: edited(drawn[0].encode(), drawn[1])
    )
    return st.one_of(changed, changed, changed, st.binary(max_size=60))


def edits(length: int) -> st.SearchStrategy[Edit]:
    """One edit of a content of some length."""
    return st.tuples(
        st.sampled_from(["cut", "repeat", "put", "byte"]),
        st.integers(0, length),
        st.integers(0, 30),
        st.sampled_from(TOKENS),
        st.integers(0, 255),
    )


def edited(content: bytes, edits: list[Edit]) -> bytes:
    """Bytes after some edits: of a kind, at a place, of a length."""
    for kind, place, length, token, byte in edits:
        at = place % (len(content) + 1)
        head, part, tail = content[:at], content[at : at + length], content[at + length :]
        middle = {
            "cut": b"",
            "repeat": part + part,
            "put": token.encode() + part,
            "byte": bytes([byte]) + part[1:],
        }
        content = head + middle[kind] + tail
    return content


def documents() -> st.SearchStrategy[bytes]:
    """Specs by their structure: keys and kinds that exist, with values that are mostly wrong."""
    options = sorted({name for kind in BLOCKS.values() for name in kind.model_fields})
    values = st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(options) | st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=6,
    )
    block = st.sampled_from(
        [{"dense": {"features": 3, "activation": "relu"}}, "flatten", {"norm": {"kind": "layer"}}]
    ) | st.dictionaries(
        st.sampled_from(sorted(BLOCKS)),
        st.dictionaries(st.sampled_from(options), values, max_size=3),
        min_size=1,
        max_size=2,
    )
    model = st.sampled_from(
        ["MLP 54-3-7", "MLP 54-2-2", "MLP 54-1-1", "CNN 3-2|4-4"]
    ) | st.fixed_dictionaries(
        {"name": st.text(min_size=1, max_size=4), "blocks": st.lists(block, max_size=4)},
        optional={"sigma": PLAIN, "module": PLAIN},
    )
    names = [name for name in Settings.model_fields if name != "dataset"]
    top = st.builds(
        lambda models, extra: {"models": models, "dataset": "covertype", **extra},
        st.lists(model, min_size=1, max_size=2, unique_by=repr),
        st.dictionaries(st.sampled_from(names), PLAIN, max_size=1),
    )
    wrong = st.fixed_dictionaries({"models": values, "dataset": PLAIN})
    return (top | top | wrong | values).map(lambda spec: json.dumps(spec).encode())


def clean(call: Callable[[], object]) -> bool:
    """Whether it succeeds; False if it is refused by an error of sed2."""
    try:
        call()
    except Sed2Error as error:
        demand(bool(error.cause) and "\n" not in str(error), "an error is one line")
        return False
    return True


def edits_of(content: bytes) -> st.SearchStrategy[bytes]:
    """The content after a few edits anywhere in it."""
    some = st.lists(edits(len(content)), min_size=1, max_size=4)
    return some.map(lambda drawn: edited(content, drawn))


def json_values_of(content: bytes) -> st.SearchStrategy[bytes]:
    """The document with another value somewhere in it."""
    document = json.loads(content)
    huge = st.sampled_from([10**400, -1e308, 5e-324, "x" * 100_000, [[[[]]]], float("inf")])
    return st.tuples(st.sampled_from(list(routes_of(document))), PLAIN | huge).map(
        lambda drawn: json.dumps(replaced(document, *drawn)).encode()
    )


def values_of(content: bytes) -> st.SearchStrategy[bytes]:
    """The same archive with another value somewhere in its document, or another array."""
    with np.load(io.BytesIO(content)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    document = json.loads(arrays.pop("document").tobytes())
    routes = list(routes_of(document))

    def archive_of(drawn: tuple[tuple[Any, ...], Any, int, np.ndarray]) -> bytes:
        route, value, which, array = drawn
        other = dict(arrays)
        if which < len(arrays):
            other[str(which)] = array
        text = json.dumps(replaced(document, route, value)).encode()
        buffer = io.BytesIO()
        np.savez(buffer, document=np.frombuffer(text, np.uint8), **other)
        return buffer.getvalue()

    some = st.sampled_from(
        [np.array([1.0, np.nan]), np.array("text"), np.array(3), np.zeros((0, 2)), np.array(1j)]
    )
    return st.tuples(
        st.sampled_from(routes),
        PLAIN
        | st.lists(PLAIN, max_size=2)
        | st.dictionaries(st.text(max_size=3), PLAIN, max_size=2),
        st.integers(0, 4 * len(arrays)),
        some,
    ).map(archive_of)


def routes_of(value: Any, route: tuple[Any, ...] = ()) -> Any:
    """The ways to all parts of a document."""
    yield route
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, part in inner:
        yield from routes_of(part, (*route, key))


def replaced(value: Any, route: tuple[Any, ...], by: Any) -> Any:
    """A document with another part."""
    if not route:
        return by
    first, *rest = route
    copy = value.copy()
    copy[first] = replaced(copy[first], tuple(rest), by)
    return copy


def check(folder: Path, kind: str, examples: int, start: int) -> Counter[str]:
    """What comes of examples, which are either taken or refused cleanly.

    Args:
        folder: a new one, to work in.
        kind: one of `KINDS`.
        examples: how many.
        start: the seed.

    Raises:
        Exception: what an example came to, if it is a defect.
    """
    counted: Counter[str] = Counter()
    folder.mkdir(parents=True, exist_ok=True)
    strategy, take = KINDS[kind](folder)

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def try_one(example: Any) -> None:
        counted["taken" if take(example) else "refused"] += 1

    try_one()
    return counted


def tries(folder: Path, examples: int, start: int) -> Iterator[Try]:
    """All kinds, each in processes of its own, of a thousand examples at most."""

    def one(kind: str, number: int, count: int) -> Outcome:
        place = folder / f"fuzz {kind} {number}".replace(",", "")
        seen, peak = apart(check, place, kind, count, start + number)
        return Outcome(seen, peak, seen.total())

    for kind in KINDS:
        whole = max(examples // SLOW.get(kind, 1), 1)
        for number, first in enumerate(range(0, whole, 1000)):
            count = min(1000, whole - first)
            yield Try(
                kind,
                f"{kind}, {number}",
                partial(one, kind, number, count),
            )


Fuzz = tuple[st.SearchStrategy[Any], Callable[[Any], bool]]
"""Examples, and whether one is taken; which raises only if there is a defect."""


def of_specs(strategy: Callable[[], st.SearchStrategy[bytes]]) -> Callable[[Path], Fuzz]:
    """YAML that `validate` is given."""

    def build(folder: Path) -> Fuzz:
        spec = folder / "spec.yaml"

        def take(raw: bytes) -> bool:
            spec.write_bytes(raw)
            return clean(lambda: api.validate(str(spec), dataset=None))

        return strategy(), take

    return build


def stored(folder: Path) -> tuple[Path, bytes, bytes]:
    """A small run: the file of its result, that file, and its manifest."""
    api.rank("MLP 54-2-7", run_dir=folder / "run", **SMALL)
    (path,) = (folder / "run" / "results").iterdir()
    return path, path.read_bytes(), (folder / "run" / NAME).read_bytes()


def of_results(folder: Path) -> Fuzz:
    """Stored results, whose checksum tells."""
    path, file, _ = stored(folder)
    content = file.partition(b"\n")[2]

    def take(raw: bytes) -> bool:
        path.write_bytes(raw)
        told: list[str] = []
        found = Store(folder / "run", told.append).load("results", path.stem, ModelResult)
        demand((found is None) == (len(told) == 1), "a damaged file is told, once")
        demand(found is None or to_bytes(found, ModelResult) == content, "another value is read")
        return found is not None

    return edits_of(file), take


def of_contents(strategy: Callable[[bytes], st.SearchStrategy[bytes]]) -> Callable[[Path], Fuzz]:
    """Stored results under a checksum that is right, so that only what is in it can be wrong."""

    def build(folder: Path) -> Fuzz:
        path, file, _ = stored(folder)

        def take(raw: bytes) -> bool:
            path.write_bytes(sealed(raw, path.stem))
            told: list[str] = []
            found = Store(folder / "run", told.append).load("results", path.stem, ModelResult)
            demand((found is None) == (len(told) == 1), "a damaged file is told, once")
            return isinstance(found, ModelResult)

        return strategy(file.partition(b"\n")[2]), take

    return build


def of_manifests(folder: Path) -> Fuzz:
    _, _, manifest = stored(folder)

    def take(raw: bytes) -> bool:
        (folder / "run" / NAME).write_bytes(raw)
        return clean(lambda: read_manifest(folder / "run"))

    return edits_of(manifest), take


def of_baselines(strategy: Callable[[bytes], st.SearchStrategy[bytes]]) -> Callable[[Path], Fuzz]:
    def build(folder: Path) -> Fuzz:
        path = folder / "baseline.json"
        made = to_text(api.make_baseline("MLP 54-2-7", **SMALL)).encode()

        def take(raw: bytes) -> bool:
            path.write_bytes(raw)
            return clean(lambda: api.gate("MLP 54-2-7", path, **SMALL))

        return strategy(made), take

    return build


def of_documents(folder: Path) -> Fuzz:
    """JSON of `rank`, compared with another by `diff`."""
    one, other = folder / "one.json", folder / "other.json"
    made = to_json(rank_document(api.rank("MLP 54-2-7", **SMALL))).encode()
    one.write_bytes(made)

    def take(raw: bytes) -> bool:
        other.write_bytes(raw)
        return said(["diff", str(one), str(other)])

    return edits_of(made) | json_values_of(made), take


def of_data(folder: Path) -> Fuzz:
    """Files of data: CSV, idx, npz and archives of CIFAR."""
    files = data_files()
    names = sorted(files)

    def take(drawn: tuple[str, list[Edit]]) -> bool:
        name, edits = drawn
        (folder / name).write_bytes(edited(files[name], edits))
        return clean(lambda: load_dataset(folder / name))

    return st.tuples(st.sampled_from(names), st.lists(edits(600), min_size=1, max_size=3)), take


def data_files() -> dict[str, bytes]:
    """A small file of each format."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), np.arange(6) % 2
    plain, packed = io.BytesIO(), io.BytesIO()
    np.savez(plain, x=x, y=y)
    np.savez_compressed(packed, x=x, y=y)
    table = "a,b,label\n" + "".join(
        f"{u:.3f},{v:.3f},{z}\n" for (u, v, _), z in zip(x, y, strict=True)
    )
    batch = pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}, protocol=2)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in ("data_batch_1", "test_batch"):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(batch)
            tar.addfile(member, io.BytesIO(batch))
    return {
        "x.npz": plain.getvalue(),
        "packed.npz": packed.getvalue(),
        "x.csv": table.encode(),
        "x-images-idx3-ubyte": bytes([0, 0, 8, 3, *(0, 0, 0, 2) * 3, *range(8)]),
        "x.tar.gz": archive.getvalue(),
    }


PLACES = (
    "{text}: 1\nmodels: [MLP 54-8-7]",
    "models: [MLP 54-8-7]\n{text}: 1\n{text}: 2",
    "models: [{{notation: MLP 54-8-7, {text}: 1}}]",
    "models: [{{blocks: [dense: {{features: 7, {text}: 1}}]}}]",
    "models: [{{blocks: [dense: {{features: {text}}}]}}]",
    "models: [{{blocks: [{text}: {{features: 7}}]}}]",
    "models: [{{blocks: [{text}]}}]",
    "models: [{text}]",
    "models: ['MLP 54-8-7', {{notation: {text}}}]",
    "models: [{{name: {text}, notation: MLP 54-8-7}}]",
    "models: [{{module: {text}}}]",
    "eps: {text}\nmodels: [MLP 54-8-7]",
    "prior: {text}\nmodels: [MLP 54-8-7]",
    "dataset: {text}\nmodels: [MLP 54-8-7]",
    "label: {text}\nmodels: [MLP 54-8-7]",
    "fisher: {text}\nmodels: [MLP 54-8-7]",
)
"""Of a spec, where somebody else's text comes in."""
HOSTILE = (
    "\x1b[2J",
    "\n::error::",
    "::stop-here::",
    "\r",
    "\u202e",
    "\x9b",
    "\x07",
    "\0",
    "\u2028",
)


def of_texts(folder: Path) -> Fuzz:
    """Texts with control characters, in a spec, in its path, and in options."""
    text = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), min_size=1, max_size=4)
    where = st.sampled_from([*PLACES, "path", "option", "baseline", "data"])

    def take(drawn: tuple[str, list[str]]) -> bool:
        place, parts = drawn
        hostile = "".join(parts)
        path = hostile.replace("/", "").replace("\0", "").encode(errors="replace").decode()[:40]
        if place == "option":
            return said(["validate", "MLP 54-8-7", "--dataset", path, "--label", path])
        if place == "data":
            (folder / "x.csv").write_text(f'"{hostile}",b\n1,0\n2,1\n', "utf-8", "replace")
            return said(["validate", "MLP 1-2", "--dataset", str(folder / "x.csv")])
        if place == "baseline":
            (folder / "b.json").write_text(json.dumps({hostile: 1, "schema_version": hostile}))
            return said(["gate", "MLP 54-2-7", "--baseline", str(folder / "b.json")])
        spec = folder / (f"{path}.yaml" if place == "path" else "spec.yaml")
        content = PLACES[0] if place == "path" else place
        spec.write_text(content.format(text=json.dumps(hostile)), "utf-8")
        return said(["validate", str(spec)])

    return st.tuples(where, text), take


def said(arguments: list[str]) -> bool:
    """Whether a command succeeds; all that it says must be harmless to a terminal and to CI.

    Raises:
        BrokenError: it is not, or the exit code is none of the contract.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    demand(code in (0, 2, 4, 5), f"exit 0, 2, 4 or 5, not {code}: {err.getvalue()}")
    for line in (out.getvalue() + err.getvalue()).split("\n"):
        demand(line.isprintable(), f"all is printable: {line!r}")
        demand(not line.lstrip().startswith("::"), f"no line is a command to CI: {line!r}")
        demand(len(line) <= 10_100, f"no line is longer than a page: {len(line)}")
    return code == 0


def of_settings(folder: Path) -> Fuzz:
    """Settings of any size that `validate` takes: `compute` must find them possible, too."""
    magnitudes = st.floats(-320, 308).map(lambda exponent: 10.0**exponent)
    some = st.fixed_dictionaries(
        {"samples": st.integers(1, 5), "draws": st.integers(1, 4)},
        optional={
            "eps": st.lists(
                st.floats(1e-300, 1, exclude_max=True) | st.floats(1e-3, 0.1),
                min_size=1,
                max_size=3,
                unique=True,
            ),
            "sigma": magnitudes | st.floats(1e-3, 1),
            "zeta": st.just(0.0) | st.floats(0, 1),
            "seed": st.integers(0, 2**63 - 1),
            "input_groups": st.integers(0, 9),
            "prior": st.sampled_from(
                ["torch", "init", "uniform:-1:1", "normal:0.1", "normal:1e200", "he_normal"]
            ),
            "fisher": st.sampled_from(["expected", "empirical"]),
            "chain": st.sampled_from(["blocks", "end-to-end"]),
            "likelihood": st.sampled_from(["gaussian", "categorical"]),
            "max_flops": magnitudes,
            "lanczos_steps": st.integers(2, 40),
            "n_train": st.integers(2, 10**18),
            "gamma": st.floats(0, 1, exclude_min=True),
        },
    )
    models = st.sampled_from(["MLP 54-2-7", "MLP 54-1-1", "MLP 54-7"])

    def take(drawn: tuple[str, dict[str, Any]]) -> bool:
        model, chosen = drawn
        given = {"dataset": "covertype", "eps": "0.1", **chosen}
        if not clean(lambda: api.validate(model, **given)):
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = api.compute(model, **given)
            except NumericsError:  # which the settings alone do not tell
                return True
        text = to_json(compute_document(result))
        demand("NaN" not in text and "Infinity" not in text, "all numbers are finite")
        return True

    return st.tuples(models, some), take


class Plus(nnx.Sequential):
    """Its own `__call__` adds the input, and a parameter."""

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        super().__init__(*layers)
        self.shift = nnx.Param(jnp.zeros(WIDTH))

    def __call__(self, x: Any) -> Any:
        return x + super().__call__(x) + self.shift[...]


class Loop(nnx.Module):
    """The same layers, called by a loop of its own."""

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        self.layers = nnx.List(layers)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


WIDTH = 4
LAYERS: dict[str, Callable[[nnx.Rngs], Callable[[Any], Any]]] = {
    "linear": lambda rngs: nnx.Linear(WIDTH, WIDTH, rngs=rngs),
    "without bias": lambda rngs: nnx.Linear(WIDTH, WIDTH, use_bias=False, rngs=rngs),
    "norm": lambda rngs: nnx.LayerNorm(WIDTH, rngs=rngs),
    "batch norm": lambda rngs: nnx.BatchNorm(WIDTH, rngs=rngs),
    "dropout": lambda rngs: nnx.Dropout(0.5, rngs=rngs),
    "relu": lambda rngs: nnx.relu,
    "plus": lambda rngs: Plus(nnx.Linear(WIDTH, WIDTH, rngs=rngs)),
    "half": lambda rngs: nnx.Linear(WIDTH, WIDTH, dtype=jnp.bfloat16, rngs=rngs),
}
HOLDERS: dict[str, Callable[..., Any]] = {
    "Sequential": nnx.Sequential,
    "a class of its own": Loop,
    "a list": lambda *layers: list(layers),
    "a Sequential within one": lambda *layers: nnx.Sequential(nnx.Sequential(*layers), nnx.relu),
}


def of_networks(folder: Path) -> Fuzz:
    """Networks of the user's own, whose layers may be used again: parameters are counted once."""
    names = st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=3)
    order = st.lists(st.integers(0, 9), min_size=1, max_size=4)
    some = st.tuples(
        names,
        order,
        st.sampled_from(sorted(HOLDERS)),
        st.sampled_from(["blocks", "end-to-end"]),
        st.sampled_from(["torch", "init"]),
    )

    def take(drawn: tuple[list[str], list[int], str, str, str]) -> bool:
        kinds, uses, holder, chain, prior = drawn

        def make(rngs: nnx.Rngs) -> Any:
            own = [LAYERS[kind](rngs) for kind in kinds]
            first, last = nnx.Linear(54, WIDTH, rngs=rngs), nnx.Linear(WIDTH, 3, rngs=rngs)
            return HOLDERS[holder](first, *(own[use % len(own)] for use in uses), last)

        whole = make(nnx.Rngs(0))
        whole = nnx.List(whole) if isinstance(whole, list) else whole
        wanted = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(whole, nnx.Param)))
        given = {"dataset": "covertype", "chain": chain, "prior": prior}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                (found,) = api.validate(make, **given)
            except Sed2Error:
                return False
        demand(found.parameters == wanted, f"{wanted} parameters, not {found.parameters}")
        return True

    return some, take


KINDS: dict[str, Callable[[Path], Fuzz]] = {
    "specs, valid YAML with a few edits of its text": of_specs(texts),
    "specs, keys and kinds that exist with values that mostly do not fit": of_specs(documents),
    "texts with control characters, in every place of a spec, in paths, columns, baselines": (
        of_texts
    ),
    "settings of any size, of which those that `validate` takes are computed": of_settings,
    "files of data, with a few edits": of_data,
    "stored results, with a few edits of their bytes": of_results,
    "stored results of a right checksum, edited in their bytes": of_contents(edits_of),
    "stored results of a right checksum, edited in their values": of_contents(values_of),
    "manifests, with a few edits": of_manifests,
    "baselines of the gate, with a few edits": of_baselines(edits_of),
    "baselines of the gate, with values of other types and sizes": of_baselines(json_values_of),
    "documents for `diff`, with a few edits or other values": of_documents,
    "networks in Python of random layers, used again: unique parameters are counted": of_networks,
}
SLOW = {
    "networks in Python of random layers, used again: unique parameters are counted": 30,
    "settings of any size, of which those that `validate` takes are computed": 10,
}
"""By how much fewer examples of these are tried."""

"""Specs and stored files that nobody wrote: taken as what they are, or refused cleanly."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from scripts.reliability.damage import SMALL
from scripts.reliability.lab import demand
from sed2 import api
from sed2.blocks import KINDS
from sed2.errors import Sed2Error
from sed2.gating.baseline import read_baseline, to_text
from sed2.results import ModelResult
from sed2.runs.codec import from_bytes, to_bytes
from sed2.runs.manifest import NAME, read_manifest
from sed2.runs.store import Store, sealed
from sed2.settings import Settings

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


def texts() -> st.SearchStrategy[bytes]:
    """Valid specs after a few cuts, repetitions and insertions, and bytes without any sense."""
    edit = st.tuples(
        st.sampled_from(["cut", "repeat", "put", "byte"]),
        st.integers(0, 400),
        st.integers(0, 30),
        st.sampled_from(TOKENS),
        st.integers(0, 255),
    )
    changed = st.tuples(st.sampled_from(SPECS), st.lists(edit, min_size=1, max_size=3)).map(
        lambda drawn: edited(drawn[0].encode(), drawn[1])
    )
    return st.one_of(changed, changed, changed, st.binary(max_size=60))


def edited(content: bytes, edits: list[tuple[str, int, int, str, int]]) -> bytes:
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
    options = sorted({name for kind in KINDS.values() for name in kind.model_fields})
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
        st.sampled_from(sorted(KINDS)),
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


class Fuzz:
    """Counts what comes of examples.

    Args:
        examples: of each kind.
        start: the seed.
    """

    def __init__(self, examples: int, start: int) -> None:
        self.examples, self.start = examples, start

    def count(self, strategy: st.SearchStrategy[Any], take: Callable[[Any], bool]) -> Counter[bool]:
        """How many were taken, and how many refused.

        Args:
            take: whether an example is taken; raises only if there is a defect.
        """
        counted: Counter[bool] = Counter()

        @seed(self.start)
        @settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def try_one(example: Any) -> None:
            counted[take(example)] += 1

        try_one()
        return counted


def check(folder: Path, examples: int, start: int, report: Callable[[str], None]) -> list[str]:
    """Lines of the page.

    Args:
        folder: of a small run, as `damage` leaves it.
        examples: of each kind.
        start: the seed.

    Raises:
        Exception: what an example came to, if it is no clean error.
    """
    fuzz, rows = Fuzz(examples, start), []
    spec, run_dir, baseline = folder / "spec.yaml", folder / "fuzzed", folder / "baseline.json"
    api.rank("MLP 54-2-7", run_dir=run_dir, **SMALL)
    (path,) = (run_dir / "results").iterdir()
    file, manifest = path.read_bytes(), (run_dir / NAME).read_bytes()
    content = file.partition(b"\n")[2]
    value = from_bytes(content, ModelResult)
    made = to_text(api.make_baseline("MLP 54-2-7", **SMALL)).encode()

    def takes_spec(raw: bytes) -> bool:
        spec.write_bytes(raw)
        return clean(lambda: api.validate(str(spec), dataset=None))

    def takes_result(raw: bytes) -> bool:
        path.write_bytes(raw)
        told: list[str] = []
        found = Store(run_dir, told.append).load("results", path.stem, ModelResult)
        demand((found is None) == (len(told) == 1), "a damaged file is told, once")
        demand(found is None or to_bytes(found, ModelResult) == content, "another value is read")
        return found is not None

    def takes_content(raw: bytes) -> bool:
        """Under a checksum that is right, so that only what is in it can be wrong."""
        path.write_bytes(sealed(raw, path.stem))
        told: list[str] = []
        found = Store(run_dir, told.append).load("results", path.stem, ModelResult)
        demand((found is None) == (len(told) == 1), "a damaged file is told, once")
        return isinstance(found, ModelResult)

    def takes_manifest(raw: bytes) -> bool:
        (run_dir / NAME).write_bytes(raw)
        return clean(lambda: read_manifest(run_dir))

    def takes_baseline(raw: bytes) -> bool:
        baseline.write_bytes(raw)
        return clean(lambda: read_baseline(baseline))

    for what, strategy, take in (
        ("specs, valid YAML with a few edits of its text", texts(), takes_spec),
        (
            "specs, keys and kinds that exist with values that mostly do not fit",
            documents(),
            takes_spec,
        ),
        ("stored results, with a few edits of their bytes", edits_of(file), takes_result),
        (
            "stored results of a right checksum, edited in their bytes",
            edits_of(content),
            takes_content,
        ),
        (
            "stored results of a right checksum, edited in their values",
            values_of(content),
            takes_content,
        ),
        ("manifests, with a few edits", edits_of(manifest), takes_manifest),
        ("baselines of the gate, with a few edits", edits_of(made), takes_baseline),
    ):
        counted = fuzz.count(strategy, take)
        rows.append(
            f"| fuzz: {what} | {counted.total():,} | {counted[False]:,} refused, {counted[True]:,} "
            "taken, nothing else |"
        )
        report(what)
    demand(from_bytes(content, ModelResult).name == value.name, "the whole content is read")
    return rows


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
    edit = st.tuples(
        st.sampled_from(["cut", "repeat", "put", "byte"]),
        st.integers(0, len(content)),
        st.integers(0, 30),
        st.sampled_from(TOKENS),
        st.integers(0, 255),
    )
    return st.lists(edit, min_size=1, max_size=4).map(lambda edits: edited(content, edits))


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

"""Roots of squared factors, where they are as good as singular values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

import sed2.fisher.xla as engine
from sed2.blocks.base import Block
from sed2.blocks.conv import Conv
from sed2.blocks.factory import split
from sed2.chain import build_chain
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.fisher.squares import are_as_good
from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import Spectra
from sed2.settings import Settings


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 30),
    decades=st.floats(0, 9),
    seed=st.integers(0, 1000),
)
def test_what_is_good_enough_is_right_at_every_eps(
    rows: int, columns: int, decades: float, seed: int
) -> None:
    """Of matrices whose singular values fall by up to nine decades."""
    rng = np.random.default_rng(seed)
    small = min(rows, columns)
    left, right = (np.linalg.qr(rng.normal(size=(n, small)))[0] for n in (rows, columns))
    matrix = left * np.logspace(0, -decades, small) @ right.T
    gram = matrix.T @ matrix if rows > columns else matrix @ matrix.T
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0))
    if are_as_good(roots):
        a = np.logspace(-6, 15, 30)[:, None]
        values = [np.log1p(a * r).sum(axis=1) for r in (roots, np.linalg.svd(matrix)[1])]
        np.testing.assert_allclose(*values, rtol=1e-9)
    if decades < 1.5:
        assert are_as_good(roots)
    if small > 1 and decades > 8:
        assert not are_as_good(roots)


def test_zeros() -> None:
    """All or none."""
    found = are_as_good(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, np.nan], [1.0, 0.5]]))
    assert found.tolist() == [True, False, False, True]


def test_more_zeros_than_are_known_beforehand_are_found() -> None:
    """An image of one colour: the entries of a kernel in the middle see the same."""
    block = Conv(features=3, kernel_size=3, activation="relu")
    with pytest.MonkeyPatch.context() as patch:
        found, programs = of_conv(block, np.ones((4, 9, 9, 1)), patch)
    assert programs == [True, False]
    assert (found.blocks[0].roots[:, :, -1] == 0).all()


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("bias", [True, False])
def test_convolutions_take_the_cheaper_program_alone(norm: str, bias: bool) -> None:
    """To the same numbers, and the exact zeros of parameters that others make up for."""
    block = Conv(features=3, kernel_size=3, norm=norm, bias=bias, activation="relu")  # type: ignore
    x = np.random.default_rng(0).normal(size=(6, 7, 7, 2))
    with pytest.MonkeyPatch.context() as patch:
        found, programs = of_conv(block, x, patch)
    assert programs == [True]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "are_as_good", lambda roots: np.zeros(roots.shape[:-1], bool))
        wanted, programs = of_conv(block, x, patch)
    assert programs == [True, False]
    eps = np.array([1e-6, 1e-3, 0.3])
    values = [log_determinants(each, eps, 0.0).values for each in (found, wanted)]
    np.testing.assert_allclose(*values, rtol=1e-10)
    zeros = [(each.blocks[0].roots == 0).sum(axis=2) for each in (found, wanted)]
    np.testing.assert_array_equal(*zeros)
    assert (zeros[0] == (norm == "batch") * (1 + bias)).all()
    rngs = nnx.Rngs(0)
    conv = nnx.Conv(2, 3, (3, 3), use_bias=bias, param_dtype=float, rngs=rngs)
    norms = [nnx.BatchNorm(3, param_dtype=float, rngs=rngs)] * (norm == "batch")
    (flax,) = split([conv, *norms, nnx.relu], "mine")
    known = [each.layout((7, 7, 2)) for each in (block, flax)]
    assert [each and each.redundant for each in known] == [zeros[0].max()] * 2


def of_conv(block: Block, x: np.ndarray, patch: pytest.MonkeyPatch) -> tuple[Spectra, list[bool]]:
    """Its spectra, and of the programs that ran whether they square."""
    chain, its = build_chain([block], x.shape[1:], "blocks"), Settings()
    plan = make_plan(chain, 3, len(x), its)
    items = Items(chain, x, np.arange(3), np.ones((3, len(x))), its, replace(plan, engine="xla"))
    programs: list[bool] = []
    made = engine.block_program

    def counted(chain: object, block: object, way: object, settings: object) -> object:
        programs.append(way.squared)  # type: ignore[attr-defined]
        return made(chain, block, way, settings)  # type: ignore[arg-type]

    patch.setattr(engine, "block_program", counted)
    return sample_spectra(items), programs

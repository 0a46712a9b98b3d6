"""The numbers of the validity benchmark as arrays over its architectures, larger is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts.validity import table
from scripts.validity.measures import GRID
from sed2.baselines.registry import BASELINES
from sed2.chain import Chain, build_chain
from sed2.data.catalogue import DATASETS
from sed2.spec.schema import load_spec


class Key(NamedTuple):
    """Which score."""

    cell: str
    measure: str
    eps: str
    per_parameter: bool = False
    """Whether it is divided by d."""

    def __str__(self) -> str:
        return f"{self.measure}{' / d' * self.per_parameter}, {self.cell}, eps {self.eps}"


@dataclass(frozen=True)
class Benchmark:
    """All numbers of M architectures of one family; (M,) each, in the same order."""

    models: np.ndarray
    """Their names."""
    chains: tuple[Chain, ...]
    scores: dict[Key, np.ndarray]
    baselines: dict[str, np.ndarray]
    """Turned so that the larger is expected to be better, as sed2 fixes it beforehand; NaN where
    one is undefined for an architecture."""
    losses: dict[str, np.ndarray]
    """(M, seeds) training loss at the end, by cell."""
    undefined: tuple[str, ...]
    """Scores and losses that are left out because some architecture has none."""
    cells: dict[str, tuple[int, int, float]]
    """N (or training points), K (or seeds), and the mean of the seconds, of each cell."""

    @property
    def default(self) -> Key:
        """What `sed2 rank` orders by; its cell is the first that is computed."""
        return Key(next(iter(self.scores)).cell, "lower_2sed", GRID)

    @property
    def target(self) -> np.ndarray:
        """Minus the mean loss over the seeds, of the first training."""
        return -next(iter(self.losses.values())).mean(axis=1)

    @property
    def rivals(self) -> dict[str, np.ndarray]:
        """The baselines that are defined for all architectures: a tau over some of them cannot
        stand beside one over all."""
        return {name: one for name, one in self.baselines.items() if not np.isnan(one).any()}

    @property
    def partial(self) -> dict[str, np.ndarray]:
        """The other baselines."""
        return {name: one for name, one in self.baselines.items() if name not in self.rivals}

    @property
    def depths(self) -> np.ndarray:
        return np.array([len(chain.blocks) for chain in self.chains])

    @property
    def parameters(self) -> np.ndarray:
        return np.array([chain.parameters for chain in self.chains])

    @property
    def last_widths(self) -> np.ndarray:
        """Width of what the last block sees."""
        return np.array([chain.blocks[-2].output_shape[-1] for chain in self.chains])

    @property
    def narrow_end(self) -> np.ndarray:
        """(M,) whether the last block sees less than it puts out."""
        return self.last_widths < self.outputs

    @property
    def other_widths(self) -> np.ndarray:
        """The narrowest of the hidden layers before; infinite where there is none."""
        return np.array(
            [
                min((block.output_shape[-1] for block in chain.blocks[:-2]), default=np.inf)
                for chain in self.chains
            ]
        )

    @property
    def outputs(self) -> int:
        """Numbers in an output."""
        return self.chains[0].blocks[-1].output_shape[-1]


def load(paths: Sequence[Path]) -> Benchmark:
    """From the files of `run`.

    Raises:
        ValueError: a file is no such table.
    """
    rows = table.read(paths)
    models = list(dict.fromkeys(row.model for row in rows))
    place = {name: m for m, name in enumerate(models)}
    columns: dict[tuple[str, str, str, str], np.ndarray] = {}
    for row in rows:
        key = (row.kind, row.cell, row.measure, row.eps)
        column = columns.setdefault(key, np.full(len(models), np.nan))
        column[place[row.model]] = row.value
    sizes = {row.cell: (row.samples, row.draws) for row in rows}
    cells = {
        key[1]: (*sizes[key[1]], float(np.nanmean(columns.pop(key))))
        for key in list(columns)
        if key[2] == table.END
    }
    undefined = [
        key for key, values in columns.items() if key[0] != "baseline" and np.isnan(values).any()
    ]
    defined = {key: values for key, values in columns.items() if key not in undefined}
    chains = tuple(chain_of(name) for name in models)
    d = np.array([chain.parameters for chain in chains])
    scores = {}
    for (kind, cell, measure, eps), values in defined.items():
        if kind == "score":
            scores[Key(cell, measure, eps)] = values
            scores[Key(cell, measure, eps, True)] = values / d
    losses: dict[str, list[np.ndarray]] = {}
    for (kind, cell, _, _), values in defined.items():
        if kind == "loss":
            losses.setdefault(cell, []).append(values)
    return Benchmark(
        models=np.array(models),
        chains=chains,
        scores=scores,
        baselines={
            name: values if BASELINES[name].larger_is_better else -values
            for (kind, _, name, _), values in defined.items()
            if kind == "baseline"
        },
        losses={cell: np.stack(seeds, axis=1) for cell, seeds in losses.items()},
        undefined=tuple(" ".join(key).strip() for key in undefined),
        cells=cells,
    )


def chain_of(name: str) -> Chain:
    """Of a model in the paper's notation; a CNN is one of MNIST."""
    model = load_spec(name).models[0]
    shape = (model.input_width,) if model.input_width else DATASETS["mnist"].input_shape
    return build_chain(model.blocks, shape)

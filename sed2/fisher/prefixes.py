"""What candidates with the same first blocks share: these blocks' spectra and noisy outputs.

The draws of a block depend on the seed and the blocks up to it alone (`ChainBlock.stream`), so a
sweep over last layers needs its first layers once. Candidates are worked on one after the other;
what one of them leaves is kept as long as another waits for it, within a share of the memory.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from sed2.chain import Chain
from sed2.errors import ResourceError
from sed2.fisher.items import Items
from sed2.fisher.plan import Plan, memory_budget
from sed2.fisher.ways import FLOAT
from sed2.measure.spectra import BlockSpectrum, Spectra

SHARE = 0.25
"""Of the memory budget, for what is kept."""
_Key = tuple[Hashable, Hashable]
"""The first blocks, and all else that determines their numbers."""


@dataclass(frozen=True)
class Known:
    """The first blocks of a chain under all items."""

    blocks: tuple[BlockSpectrum, ...]
    output: np.ndarray
    """(B, N, *output_shape) of the last of them."""

    @property
    def bytes(self) -> int:
        """Of the arrays; of those that another holds as well, too."""
        return self.output.nbytes + sum(map(_spectrum_bytes, self.blocks))


@dataclass(frozen=True)
class Sharing:
    """Of one candidate."""

    known: Known | None = None
    """What another has left."""
    keys: tuple[_Key, ...] = ()
    """Of its prefixes, the shortest first."""
    outputs: dict[int, np.ndarray] = field(default_factory=dict)
    """By number of blocks: (B, N, *output_shape) the noisy outputs after so many, for others; to be
    filled in, NaN where that is not done."""


class Prefixes:
    """Of the candidates of one ranking.

    Args:
        chains: of all of them, each of which will be worked on once.
    """

    def __init__(self, chains: Sequence[Chain] = ()) -> None:
        self._waiting = Counter(prefix for chain in chains for prefix in _prefixes(chain))
        self._kept: dict[_Key, Known] = {}

    def plan(self, make: Callable[[float], Plan]) -> Plan:
        """A plan that leaves room for what is kept; where there is no room for both, nothing is.

        Args:
            make: a plan within such a share of the memory budget.

        Raises:
            ResourceError: as `make` alone.
        """
        if any(count > 1 for count in self._waiting.values()) or self._kept:
            try:
                return make(1 - SHARE)
            except ResourceError:
                self._kept.clear()
        return make(1)

    def begin(self, items: Items) -> Sharing:
        """What is known of a candidate, and what others would have of it."""
        if not self._waiting:
            return Sharing()
        chain, plan = items.chain, items.plan
        prefixes = _prefixes(chain)
        self._waiting.subtract(prefixes)
        keys = _keys(items)
        known = next((self._kept[key] for key in reversed(keys) if key in self._kept), None)
        for key in [key for key in self._kept if not self._waiting[key[0]]]:
            del self._kept[key]
        budget = memory_budget(items.settings)
        room = min(SHARE * budget, budget - plan.bytes)
        room -= sum(each.bytes for each in self._kept.values())
        outputs: dict[int, np.ndarray] = {}
        further = 0
        for j in range(len(keys), 0, -1):
            waiting = self._waiting[prefixes[j - 1]]
            needed = _bytes(items, j)
            # If some part here with this candidate: where all go on with it, they have more.
            if waiting > further and keys[j - 1] not in self._kept and needed <= room:
                shape = (*items.weights.shape, *chain.blocks[j - 1].output_shape)
                outputs[j] = np.full(shape, np.nan)
                room -= needed
            further = waiting
        return Sharing(known, keys, outputs)

    def end(self, sharing: Sharing, spectra: Spectra) -> None:
        """Keep what others would have of a candidate, now that all its spectra are there."""
        for j, output in sharing.outputs.items():
            if np.isfinite(output).all():  # else some piece was not computed here
                self._kept[sharing.keys[j - 1]] = Known(spectra.blocks[:j], output)


ALONE = Prefixes()
"""Of a candidate that shares nothing."""


def _prefixes(chain: Chain) -> list[Hashable]:
    """What its first blocks are, the first one alone and so on; and whether that is all, since the
    last block may have another likelihood."""
    specs = tuple(block.block for block in chain.blocks)
    return [(chain.input_shape, specs[:j], j == len(specs)) for j in range(1, len(specs) + 1)]


def _keys(items: Items) -> tuple[_Key, ...]:
    """For each of its prefixes, that and all else that determines its numbers."""
    digest = hashlib.sha256()
    for array in (items.inputs, items.draws, items.weights, items.sigma):
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(array.tobytes())
    settings = items.settings
    its = (settings.seed, settings.prior, settings.fisher, settings.likelihood)
    ways = [way.numeric for way in items.plan.ways]
    return tuple(
        (prefix, (digest.digest(), *its, *ways[:j]))
        for j, prefix in enumerate(_prefixes(items.chain), start=1)
    )


def _bytes(items: Items, j: int) -> int:
    """Of what is kept of the first j blocks."""
    count, samples = items.weights.shape
    outputs = samples * math.prod(items.chain.blocks[j - 1].output_shape)
    ways = items.plan.ways[:j]
    return FLOAT * count * (outputs + 2 * sum(way.kept for way in ways))  # with weights


def _spectrum_bytes(block: BlockSpectrum) -> int:
    further = sum(_spectrum_bytes(rule) for rule in (block.below, block.coarse) if rule)
    return block.roots.nbytes + block.weights.nbytes + further

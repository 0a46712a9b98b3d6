"""The spectra of one model, taken from where they are kept as far as they are there.

Spectra are costly, and every eps after them is free: so they are kept by what determines them, and
by nothing else. A shorter series of items is the beginning of a longer one, so is its spectra.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from sed2.common.progress import Report
from sed2.fisher.items import Items
from sed2.fisher.plan import Plan
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.fisher.sample import sample_spectra
from sed2.measure.spectra import Spectra
from sed2.measure.uncertainty import Series


class SpectraStore(Protocol):
    """Where the spectra of one model are kept, and the pieces of work that was begun."""

    work: float
    """Operations of one piece at most, unless one item has more."""

    def load(self, items: Items, series: Series) -> Spectra | None:
        """The spectra of the first items of a series, as many as are kept; None if none are.

        Args:
            items: which have all else that determines them.
        """

    def save(self, items: Items, series: Series, spectra: Spectra) -> None:
        """Keep the spectra of a whole series."""

    def is_begun(self, items: Items) -> bool:
        """Whether the work on these items was begun, and not ended."""

    def begun(self, items: Items) -> Plan:
        """The plan by which the work on these items was begun; their own, if it was not."""

    def piece(self, items: Items, first: int, compute: Callable[[], Spectra]) -> Spectra:
        """The spectra of the piece that begins at item `first`, as they were kept or computed."""

    def end(self, items: Items) -> None:
        """The work on these items is done: its pieces are not needed any more."""


class Unkept:
    """Everything is computed, in pieces as large as the memory allows."""

    work = math.inf

    def load(self, items: Items, series: Series) -> Spectra | None:
        return None

    def save(self, items: Items, series: Series, spectra: Spectra) -> None:
        """Nothing is kept."""

    def is_begun(self, items: Items) -> bool:
        return False

    def begun(self, items: Items) -> Plan:
        return items.plan

    def piece(self, items: Items, first: int, compute: Callable[[], Spectra]) -> Spectra:
        return compute()

    def end(self, items: Items) -> None:
        """There is nothing to tidy up."""


UNKEPT = Unkept()


def spectra_of_series(
    items: Items,
    series: Sequence[Series],
    progress: Report = lambda done, total: None,
    store: SpectraStore = UNKEPT,
    prefixes: Prefixes = ALONE,
) -> list[Spectra]:
    """The spectra of each series; what is not kept is computed, and kept then.

    Args:
        items: all items of the series, as `Items.of_series` makes them.
        series: which they are of, in the same order.
        progress: called with the work done so far and its total, one per item and block.
        store: where spectra are kept.
        prefixes: what is shared with other candidates, if anything is.

    Raises:
        NumericsError: a spectrum is not finite.
    """
    known = [store.load(items, each) if each.count else None for each in series]
    if store.is_begun(items) and any(
        each.count and (kept is None or kept.draws < each.count)
        for kept, each in zip(known, series, strict=True)
    ):  # it died as it saved them: all of them again, by its pieces if there are any, since another
        # batch rounds otherwise
        known = [None] * len(series)
    missing, first = [], 0
    for each, kept in zip(series, known, strict=True):
        missing.append(np.arange(first + (kept.draws if kept else 0), first + each.count))
        first += each.count
    index = np.concatenate(missing)
    todo = items[index] if len(index) else items
    if len(index):
        todo = replace(todo, plan=store.begun(todo))
        fresh = sample_spectra(todo, progress, store.piece, prefixes)
    found: list[Spectra] = []
    first = 0
    for each, kept, own in zip(series, known, missing, strict=True):
        parts = [kept] if kept else []
        if len(own):
            parts.append(fresh[first : first + len(own)])
            first += len(own)
        found.append(Spectra.joined(parts) if parts else found[0][:0])  # of no items
        if len(own):
            store.save(items, each, found[-1])
    store.end(todo)
    return found

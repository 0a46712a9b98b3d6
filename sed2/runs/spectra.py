"""The spectra of one model, kept in a run directory by what determines them.

A series of items is one file, whatever its length: a shorter one is the beginning of a longer one.
The pieces of work that was begun are files of their own until the series are whole.
"""

from __future__ import annotations

from collections.abc import Callable

from sed2.fisher.items import Items
from sed2.fisher.plan import Plan, default_budget
from sed2.measure.spectra import Spectra
from sed2.measure.uncertainty import Series
from sed2.runs import keys
from sed2.runs.store import Store

PLACE = "spectra"
PIECE_WORK = 5e9
"""Operations of one piece: a second or two of one core."""


class KeptSpectra:
    """`sed2.fisher.kept.SpectraStore` in a run directory.

    Args:
        store: of the run directory.
        model: its hash, by `sed2.runs.keys.architecture`.
        device: what computes; see `sed2.runs.keys.numerics`.
    """

    work = PIECE_WORK

    def __init__(self, store: Store, model: str, device: str = "") -> None:
        self._store, self._model, self._device = store, model, device

    def load(self, items: Items, series: Series) -> Spectra | None:
        key = self._of_series(items, series)
        found: Spectra | None = self._store.load(PLACE, key, Spectra)
        return found[: series.count] if found else None

    def save(self, items: Items, series: Series, spectra: Spectra) -> None:
        key = self._of_series(items, series)
        self._store.save(PLACE, key, spectra, Spectra)

    def is_begun(self, items: Items) -> bool:
        return self._store.path(self._pieces(items), self._key(items, "plan")).exists()

    def begun(self, items: Items) -> Plan:
        """As long as it fits what is free: pieces of another plan would be of no use. The numbers
        depend on the ways alone, which are the same in either."""
        place, key = self._pieces(items), self._key(items, "plan")
        begun: Plan | None = self._store.load(place, key, Plan)
        if begun and begun.bytes <= max(items.plan.bytes, default_budget()):
            return begun
        self._store.save(place, key, items.plan, Plan)
        return items.plan

    def piece(self, items: Items, first: int, compute: Callable[[], Spectra]) -> Spectra:
        place, key = self._pieces(items), self._key(items, [first, items.plan.chunk])
        found: Spectra = self._store.remember(place, key, Spectra, compute)
        return found

    def end(self, items: Items) -> None:
        self._store.discard(self._pieces(items))

    def _pieces(self, items: Items) -> str:
        which = [keys.of_array(of) for of in (items.draws, items.weights, items.sigma)]
        return f"pieces/{self._key(items, which)}"

    def _of_series(self, items: Items, series: Series) -> str:
        return self._key(items, keys.of_array(series.pattern), series.quieter)

    def _key(self, items: Items, which: object, quieter: float = 1.0) -> str:
        return keys.digest([keys.of_spectra(self._model, items, self._device, quieter), which])

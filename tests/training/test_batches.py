"""The training set and the order of its rows."""

from __future__ import annotations

import numpy as np

from sed2.training.batches import epoch_batches, training_rows


def test_the_training_set_is_a_choice_that_grows() -> None:
    few, all_ = training_rows(50, 20, seed=3), training_rows(50, 80, seed=3)
    assert sorted(all_) == list(range(50))
    np.testing.assert_array_equal(all_[:20], few)
    assert (training_rows(50, 20, seed=4) != few).any()


def test_every_row_is_in_one_batch_but_for_what_is_left_over() -> None:
    batches = epoch_batches(50, 16, seed=0, seeds=2, epoch=0)
    assert batches.shape == (2, 3, 16)
    for of_seed in batches:
        assert len(np.unique(of_seed)) == 48
        assert of_seed.min() >= 0
        assert of_seed.max() < 50


def test_orders_differ_between_seeds_epochs_and_rankings() -> None:
    first = epoch_batches(50, 50, seed=0, seeds=2, epoch=0)
    for other in (
        epoch_batches(50, 50, seed=0, seeds=2, epoch=1),
        epoch_batches(50, 50, seed=1, seeds=2, epoch=0),
        first[::-1],
    ):
        assert (other != first).any()
    left_out = [
        set(range(50)) - set(epoch_batches(50, 48, 0, 1, epoch).ravel()) for epoch in range(9)
    ]
    assert len(set.union(*left_out)) > 2  # others in each epoch


def test_a_seed_has_the_same_orders_whatever_the_number_of_seeds() -> None:
    three = epoch_batches(30, 7, seed=5, seeds=3, epoch=2)
    np.testing.assert_array_equal(epoch_batches(30, 7, seed=5, seeds=1, epoch=2), three[:1])

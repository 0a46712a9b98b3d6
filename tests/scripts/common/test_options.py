"""Types of options refuse what they are not."""

from __future__ import annotations

import argparse

import pytest

from scripts.common.options import at_least, names_of, numbers


def test_what_fits_is_taken() -> None:
    assert at_least(2)("2") == 2
    assert numbers("3,40") == [3, 40]
    assert names_of({"a": 1, "b": 2})("b,a") == ["b", "a"]


def test_what_does_not_fit_is_refused_and_told() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be at least 2, not 1"):
        at_least(2)("1")
    with pytest.raises(argparse.ArgumentTypeError, match="knows a, b, not c, d"):
        names_of(["a", "b"])("d,a,c")
    with pytest.raises(ValueError, match="invalid literal"):
        numbers("1,x")

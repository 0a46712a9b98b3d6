"""Settings: their forms, their limits, and which source wins."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sed2.errors import ExitCode, SpecError, UsageError
from sed2.settings import PRIORS, Prior, Settings, parse_eps, parse_prior, resolve


def refusal(
    flags: dict[str, Any], env: dict[str, str] | None = None, **yaml: dict[str, Any]
) -> UsageError:
    with pytest.raises(UsageError) as caught:
        resolve(flags, env or {}, **yaml)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


def test_the_defaults_are_the_papers_but_for_sigma() -> None:
    settings = Settings()
    assert settings.model_dump(exclude={"eps", "input_groups"}) == {
        "dataset": None,
        **dict.fromkeys(("label", "x_key", "y_key", "layout", "targets")),
        "standardize": False,
        "zeta": 0.0,
        "samples": 100,
        "draws": 100,
        "sigma": "limit",
        "fisher": "expected",
        "prior": "torch",
        "n_train": None,
        "gamma": 1.0,
        "score": "lower",
        "end_to_end_draws": None,
        "seed": 0,
        "memory_gb": None,
        "chain": "blocks",
        "split": "auto",
        "likelihood": "gaussian",
        "max_flops": 3e12,
        "lanczos_steps": 128,
        "probes": 1,
        "estimator": "mc",
        "particles": 32,
        "islands": 4,
        "moves": 100,
    }
    assert settings.eps == parse_eps("1e-3:1e-1")
    assert resolve({}, {}) == settings


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().seed = 1  # type: ignore[misc]


def test_every_setting_is_documented() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_jax_is_not_imported() -> None:
    code = "import sys, sed2.settings; sys.exit('jax' in sys.modules or 'flax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_eps_range_has_25_points_with_exact_ends() -> None:
    grid = parse_eps("1e-3:1e-1")
    assert len(grid) == 25
    assert (grid[0], grid[-1]) == (1e-3, 1e-1)
    np.testing.assert_allclose(grid, np.geomspace(1e-3, 1e-1, 25), rtol=1e-14)


@pytest.mark.parametrize(
    ("form", "grid"),
    [
        ("1e-3:1e-1:3", (0.001, 0.01, 0.1)),
        ("1e-1:1e-3:2", (0.001, 0.1)),
        ("0.1,0.01", (0.01, 0.1)),
        (" 0.1 , 0.01 ", (0.01, 0.1)),
        ("0.1", (0.1,)),
        (".5", (0.5,)),
        (0.1, (0.1,)),
        ([0.1, 0.01], (0.01, 0.1)),
        ((0.1, "1e-2"), (0.01, 0.1)),
        (np.array([0.1, 0.01]), (0.01, 0.1)),
        (np.float64(0.1), (0.1,)),
    ],
)
def test_forms_of_eps(form: object, grid: tuple[float, ...]) -> None:
    assert parse_eps(form) == grid
    assert resolve({"eps": form}, {}).eps == grid


@pytest.mark.parametrize(
    ("form", "part"),
    [
        ("0", "above 0 and below 1, but 0 is not"),
        ("1", "but 1 is not"),
        ("1e-3:1", "but 1 is not"),
        (-0.1, "but -0.1 is not"),
        (1e400, "but inf is not"),
        (math.nan, "not `nan`"),
        (True, "not `True`"),
        (None, "not `None`"),
        ("nan", "not `nan`"),
        ("", "not ``"),
        ("a:b", "not `a:b`"),
        ("1e-3:1e-1:x", "not `1e-3:1e-1:x`"),
        ("1e-3:1e-1:3:4", "LOW:HIGH:POINTS"),
        ("1e-3:1e-1:1", "from 2 to 1,000 points"),
        ("1e-3:1e-1:99999999999", "from 2 to 1,000 points"),
        ("0.1:0.1", "0.1 is repeated"),
        ("0.1,0.1", "0.1 is repeated"),
        ([0.1, 0.01, 0.1], "0.1 is repeated"),
        ("0.1,,0.2", "numbers such as"),
        ([], "from 1 to 1,000 numbers, not 0"),
        ([[0.1]], "numbers such as"),
        ({"a": 1}, "numbers such as"),
        ("1_0e-3", "numbers such as"),
    ],
)
def test_eps_that_is_refused(form: object, part: str) -> None:
    if form is None:
        error = refusal({}, yaml_top={"eps": None})
        assert error.where == "`eps` in the YAML"
    else:
        error = refusal({"eps": form})
        assert error.where == "eps"
    assert "`eps`" in error.cause
    assert part in error.cause


@hypothesis_settings(deadline=None)
@given(st.floats(1e-300, 0.999), st.floats(1e-300, 0.999), st.integers(2, 50))
def test_any_eps_range_is_ascending(low: float, high: float, points: int) -> None:
    assume(abs(math.log(low) - math.log(high)) > 1e-9)  # else too few floats lie between
    grid = parse_eps(f"{low!r}:{high!r}:{points}")
    assert len(grid) == points
    assert (grid[0], grid[-1]) == (min(low, high), max(low, high))
    assert all(a < b for a, b in pairwise(grid))


@pytest.mark.parametrize(
    ("text", "prior", "canonical"),
    [
        *((name, Prior(name), name) for name, numbers in PRIORS.items() if not numbers),
        ("uniform:0:1", Prior("uniform", (0.0, 1.0)), "uniform:0:1"),
        (" uniform:-1.0:1e-1 ", Prior("uniform", (-1.0, 0.1)), "uniform:-1:0.1"),
        ("normal:0.10", Prior("normal", (0.1,)), "normal:0.1"),
    ],
)
def test_priors(text: str, prior: Prior, canonical: str) -> None:
    assert parse_prior(text) == prior
    assert Settings(prior=text).prior == canonical
    assert parse_prior(canonical) == prior


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("torhc", "Did you mean `torch`?"),
        ("uniform", "must be `uniform:A:B`, not `uniform`"),
        ("uniform:1", "`uniform:A:B`"),
        ("uniform:1:0", "with A below B"),
        ("uniform:1:1", "with A below B"),
        ("uniform:-1e308:1e308", "with a finite B - A"),
        ("uniform:a:1", "finite numbers"),
        ("uniform:0:inf", "finite numbers"),
        ("uniform:0:1e999", "finite numbers"),
        ("normal:0", "with STD above 0"),
        ("normal:-1", "with STD above 0"),
        ("torch:1", "must be `torch`"),
        ("", "Allowed: torch"),
    ],
)
def test_priors_that_are_refused(text: str, part: str) -> None:
    error = refusal({"prior": text})
    assert error.where == "prior"
    assert part in str(error)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("samples", "50", 50),
        ("samples", "1e3", 1000),
        ("samples", 1e3, 1000),
        ("samples", np.int64(3), 3),
        ("zeta", "0.5", 0.5),
        ("zeta", "0", 0.0),
        ("sigma", "1e-2", 0.01),
        ("sigma", 1, 1.0),
        ("sigma", "limit", "limit"),
        ("seed", " 7 ", 7),
        ("n_train", "1e5", 100_000),
        ("memory_gb", "4", 4.0),
        ("memory_gb", 0.5, 0.5),
        ("standardize", "true", True),
        ("standardize", "0", False),
        ("standardize", False, False),
        ("dataset", "covertype", "covertype"),
        ("fisher", "empirical", "empirical"),
    ],
)
def test_text_and_numbers_are_read(name: str, value: object, read: object) -> None:
    found = getattr(resolve({name: value}, {}), name)
    assert found == read
    assert type(found) is type(read)
    if isinstance(value, str):
        assert getattr(resolve({}, {f"SED2_{name.upper()}": value}), name) == read


NUMBERS = ("zeta", "samples", "draws", "sigma", "n_train", "gamma", "seed", "memory_gb")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [True, math.nan, math.inf, "nan", "x", "", "1_0", [1], -1, 1e400])
def test_no_number_takes_these(name: str, value: object) -> None:
    error = refusal({name: value})
    assert error.where == name
    assert f"`{name}` must be a" in error.cause


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("zeta", "1", "a number of at least 0 and below 1, not 1"),
        ("samples", "0", "a whole number of at least 1, not 0"),
        ("samples", "1.5", "a whole number of at least 1, not 1.5"),
        ("draws", "0", "a whole number of at least 1, not 0"),
        ("sigma", "0", "a number above 0 or limit, not 0"),
        ("sigma", "lim", 'a number above 0 or limit, not "lim"'),
        ("n_train", "1", "a whole number of at least 2, not 1"),
        ("gamma", "0", "a number above 0 and at most 1, not 0"),
        ("gamma", "1.1", "a number above 0 and at most 1, not 1.1"),
        ("seed", "-1", "a whole number of at least 0, not -1"),
        ("seed", str(2**63), f"at most {2**63 - 1}"),
        ("memory_gb", "0", "a number above 0, not 0"),
        ("standardize", "off", 'true or false, not "off"'),
        ("standardize", 1, "true or false, not 1"),
        ("fisher", "exact", "one of expected, empirical"),
        ("dataset", "", "text that is not empty"),
        ("dataset", 3, "text that is not empty, not 3"),
    ],
)
def test_limits_are_named(name: str, value: object, allowed: str) -> None:
    assert allowed in refusal({name: value}).cause


def test_a_categorical_block_keeps_the_noise_of_the_others() -> None:
    """In their limit it counts for nothing."""
    given = {"likelihood": "categorical"}
    assert Settings.model_validate(given).sigma == 0.01
    assert Settings.model_validate(given | {"sigma": "limit"}).sigma == "limit"


def test_the_limit_of_sigma_is_no_noise() -> None:
    assert (Settings(sigma=0.1).noise, Settings(sigma="limit").noise) == (0.1, 0.0)


def test_eps_n() -> None:
    assert Settings().eps_n is None
    assert Settings(n_train=10_000).eps_n == pytest.approx(0.0727, abs=1e-4)
    assert Settings(n_train=100_000).eps_n == pytest.approx(0.0333, abs=1e-4)
    assert 0 < (Settings(n_train=2).eps_n or 0) < 1


def test_eps_n_of_1_or_more_is_refused() -> None:
    error = refusal({"n_train": 10}, {"SED2_GAMMA": "0.1"})
    assert error.where == "n_train"
    assert "eps_n = 1.37" in error.cause
    assert "below 1" in error.cause
    assert "SED2_GAMMA" in refusal({}, {"SED2_GAMMA": "0.1"}, yaml_top={"n_train": 10}).where


def test_a_tiny_gamma_is_refused_not_a_crash() -> None:
    assert "eps_n" in refusal({"n_train": 10, "gamma": 1e-320}).cause


def test_faults_in_the_yaml_have_a_place() -> None:
    with pytest.raises(SpecError) as caught:
        resolve({}, {}, {"gamma": 0.1}, {"n_train": 10}, lambda name: f"f.yaml:3:9#{name}")
    assert caught.value.where == "f.yaml:3:9#n_train"


def test_flags_then_variables_then_model_then_file_then_defaults() -> None:
    flags, env = {"seed": 1}, {"SED2_SEED": "2"}
    model, top = {"seed": 3}, {"seed": 4}
    assert resolve(flags, env, model, top).seed == 1
    assert resolve({"seed": None}, env, model, top).seed == 2
    assert resolve({}, {}, model, top).seed == 3
    assert resolve({}, {}, {}, top).seed == 4
    assert resolve({}, {}, {}, {}).seed == 0


def test_a_commands_own_defaults_give_way_to_every_source() -> None:
    own = {"zeta": 0.7}
    assert resolve({}, {}, defaults=own).zeta == 0.7
    assert resolve({}, {}, yaml_top={"zeta": 0.1}, defaults=own).zeta == 0.1
    assert resolve({}, {"SED2_ZETA": "0.2"}, defaults=own).zeta == 0.2
    assert resolve({"zeta": 0.0}, {}, defaults=own).zeta == 0.0
    assert resolve({"zeta": None}, {}, defaults=own).zeta == 0.7


def test_a_flag_may_switch_off() -> None:
    assert resolve({"standardize": False}, {"SED2_STANDARDIZE": "1"}).standardize is False


def test_a_variable_that_a_flag_overrides_is_not_read() -> None:
    assert resolve({"seed": 1}, {"SED2_SEED": "x"}).seed == 1


def test_an_empty_variable_is_not_given() -> None:
    assert resolve({}, {"SED2_SEED": ""}).seed == 0


def test_faults_name_the_variable() -> None:
    error = refusal({}, {"SED2_EPS": "2"})
    assert error.where == "SED2_EPS"
    assert not isinstance(error, SpecError)


def test_unknown_settings_are_refused() -> None:
    error = refusal({"smaples": 3})
    assert error.where == "smaples"
    assert "Did you mean `samples`?" in error.mend


def test_only_the_first_fault_is_told() -> None:
    error = refusal({"samples": 0, "draws": 0, "sigma": 0})
    assert error.cause.endswith("not 0; 2 more faults follow")

"""What the gate demands: options, and how sure each look must be."""

from __future__ import annotations

from typing import Any

import pytest

from sed2.errors import UsageError
from sed2.gating.rules import Rules, read_rules
from sed2.options import GateOptions
from sed2.settings import Settings, resolve


def settings(**given: object) -> Settings:
    return Settings.model_validate({"dataset": "made", **given})


def rules_of(given: dict[str, Any], settings_: list[Settings]) -> Rules:
    return read_rules(resolve(given, {}, of=GateOptions), settings_)


def test_defaults() -> None:
    rules = rules_of({}, [settings(draws=50)])
    assert (rules.min_ratio, rules.confidence, rules.max_draws) == (0.95, 0.95, 400)
    assert (rules.batches, rules.baseline_batches) == (8, 4)
    assert (rules.max_parameters, rules.min_score) == (None, None)
    assert not rules.allow_missing
    assert not rules.allow_new


def test_two_looks_share_the_error_and_one_has_it_all() -> None:
    first, second = read_rules(
        resolve({"confidence": "0.9"}, {}, of=GateOptions), [settings()]
    ).levels
    assert (1 - first) + (1 - second) == pytest.approx(0.1)
    assert first > second
    assert rules_of({"max_draws": 199}, [settings()]).levels == (0.95,)
    assert rules_of({"max_draws": 199}, [settings()]).baseline_batches == 1


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"min_ratio": "0"}, "min_ratio"),
        ({"min_ratio": "much"}, "min_ratio"),
        ({"confidence": "0.5"}, "confidence"),
        ({"confidence": "1"}, "confidence"),
        ({"max_draws": "99"}, "max_draws"),
        ({"max_parameters": "0"}, "max_parameters"),
        ({"max_parameters": "1.5"}, "max_parameters"),
        ({"min_score": "nan"}, "min_score"),
    ],
)
def test_what_is_not_allowed_names_its_flag(given: dict[str, str], flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of(given, [settings()])
    assert caught.value.where == flag


@pytest.mark.parametrize(
    "given", [{"draws": 2}, {"input_groups": 2}, {"draws": 1, "estimator": "smc"}]
)
def test_the_fewest_that_can_decide_are_allowed(given: dict[str, object]) -> None:
    draws = given.get("draws", 100)
    assert rules_of({"max_draws": draws}, [settings(**given)]).max_draws == draws


@pytest.mark.parametrize(
    ("models", "where"),
    [
        ([settings(input_groups=0)], "input_groups"),
        ([settings(draws=1)], "draws"),
        ([settings(draws=10), settings(draws=20)], "draws"),
    ],
)
def test_settings_that_never_decide_are_refused(models: list[Settings], where: str) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of({}, models)
    assert caught.value.where == where

"""Reading the HTML pages back, and rankings to make them of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np

from sed2.ranking.results import Crossing, Ranking
from sed2.results import ModelResult
from tests.report.made import made_curve, made_ranking, made_result

EPS = (0.001, 0.003, 0.01, 0.03, 0.1)
NASTY = "<script>alert(1)</script><!-- </script> \"'&amp;${x} \u2028 `"


def curved(name: str, *values: float, lower_estimate: bool = False, **more: Any) -> ModelResult:
    """A result whose lower 2sED has these values over `EPS`, 2sED 10 more, with an error of 5."""
    mean = float(np.mean(values))
    more = {"value": mean, "error": 5.0, "lower_estimate": lower_estimate, **more}
    result = made_result(name, eps=EPS, **more)
    lower = made_curve(np.array(values), 5.0, lower_estimate)
    return replace(result, lower_two_sed=lower, two_sed=made_curve(lower.estimate + 10, 5.0))


def made_three(first: str = "first 10", **settings: Any) -> Ranking:
    """Three models, of which two cross, and one has no score's interval."""
    ranking = made_ranking(
        [
            curved(first, 30, 29, 28, 27, 26, parameters=900, **settings),
            curved("second 9", 26, 26.5, 27, 27.5, 28, parameters=1_100, **settings),
            curved("third", 12, 14, 13, 12, 11, lower_estimate=True, parameters=20, **settings),
        ]
    )
    crossing = Crossing(0.02, first, "second 9", (0.01, 0.04), 0.9)
    return replace(ranking, crossings=(crossing,), warnings=("a warning of all",))


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Read(HTMLParser):
    """The elements of a page in their order, each with its own text and that within it."""

    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "link", "img", "input"):
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, "an element is not closed where it should be"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def document(self) -> Any:
        """The JSON in it."""
        (found,) = [one for one in self.all("script") if one.attributes.get("id") == "document"]
        return json.loads(found.text, parse_constant=lambda name: AssertionError(name))


def read(page: bytes) -> Read:
    parser = Read()
    parser.feed(page.decode())
    parser.close()
    assert not [element.tag for element in parser._open]
    return parser

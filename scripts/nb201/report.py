"""The page on NAS-Bench-201, from the scores and the accuracies."""

from __future__ import annotations

import argparse


def write(given: argparse.Namespace) -> None:
    raise NotImplementedError

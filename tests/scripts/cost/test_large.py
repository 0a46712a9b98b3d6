"""The table of large networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.cost import large


def test_the_table_of_large_networks_at_toy_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "models: [{name: tiny, blocks: [conv: {features: 2, kernel_size: 3, norm: layer}]}]"
    )
    options = ["--config", str(config), "--samples", "3", "--draws", "2"]
    large.main(["--models", "MLP 5-3-2,tiny", *options])
    _, _, _, _, mlp, tiny = capsys.readouterr().out.splitlines()
    assert mlp.startswith("| MLP 5-3-2 | 21 | 2 exact, by unit | ")
    assert tiny.startswith(f"| tiny | {2 * (27 + 1 + 2)} | 1 exact, ")

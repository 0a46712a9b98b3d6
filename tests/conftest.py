"""Tests run in float64, as sed2 itself does, and never touch the user's caches."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
for name in [name for name in os.environ if name.startswith("SED2_") and "TEST" not in name]:
    del os.environ[name]
# Tests rank by joint 2sED, which is the default, only where they say so: it takes two chains.
os.environ["SED2_SCORE"] = "lower"
# The figures that tests hold are the paper's, under its noise.
os.environ["SED2_SIGMA"] = "0.01"
os.environ["SED2_CACHE_DIR"] = os.path.join(tempfile.gettempdir(), "sed2-test-cache")

import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)

# What JAX has traced stays as long as the process: millions of objects. To look through them all
# for garbage again and again took a quarter of the suite's time.
gc.set_threshold(50_000, 20, 50)


def pytest_configure(config: pytest.Config) -> None:
    """Before XLA looks at its flags, which it does when it is first used."""
    flags = [os.environ.get("XLA_FLAGS", "")]
    if version("jaxlib").startswith("0.10."):  # later ones end at a flag that they do not know
        flags.append("--xla_cpu_use_fusion_emitters=false")  # compiles in two thirds of the time
    if config.option.markexpr != "slow":  # other tests compile for longer than they compute
        flags.append("--xla_backend_optimization_level=0")
    os.environ["XLA_FLAGS"] = " ".join(flags).strip()


@pytest.fixture(autouse=True, scope="module")
def _garbage() -> Iterator[None]:
    """What outlives a file is not looked through again."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the whole real data sets; tests that need it skip where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SED2_TEST_DATA", default))
    if not (folder / "covertype.npz").exists():
        pytest.skip(f"no real data in {folder} (set SED2_TEST_DATA)")
    return folder

"""Versions, device and hashes: what is needed to tell whether two results are comparable."""

from __future__ import annotations

import platform

import numpy as np

from sed2.common.distribution import version
from sed2.results import Provenance
from sed2.spec.schema import ModelSpec


def provenance(model: ModelSpec, data_sha256: str, engine: str = "xla") -> Provenance:
    """Provenance of a result that is computed here and now."""
    return Provenance(
        sed2=version(),
        jax=version("jax"),
        flax=version("flax"),
        python=platform.python_version(),
        device=_devices() if engine == "xla" else "cpu: cpu",
        dtype=str(np.dtype(float)),
        spec_sha256=model.sha256,
        data_sha256=data_sha256,
        engine=engine,
    )


def _devices() -> str:
    """Those that share the work, as JAX calls them."""
    import jax

    from sed2.common.devices import device_count

    device, count = jax.local_devices()[0], device_count() * jax.process_count()
    return f"{device.platform}: {device.device_kind}" + (f" x {count}" if count > 1 else "")

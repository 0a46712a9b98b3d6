#!/bin/sh
# JAX 0.10.2: `jnp.linalg.eigvalsh` computes the eigenvectors on a CPU, and throws them away.
#
# Both it and `eigh` lower to LAPACK's syevd with mode 86, "V": values and vectors. 78, "N", would be
# the values alone, as `numpy.linalg.eigvalsh` has it, which takes less than half the time: 0.04 s of
# CPU for 20 matrices of 252 x 252 against 0.10 s. (`svd` with compute_uv=False does ask LAPACK for
# the values alone.)
#
# Seen on 2026-11-28 (CPU, float64, 252 x 252):
#     jax 0.10.2
#     eigvalsh: mode 86 (V)
#     eigh: mode 86 (V)
#     svd without vectors: mode 78 (N)
# Exit 0: it is still so. Exit 1: it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import re
import sys
from functools import partial

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
print("jax", jax.__version__)
functions = {
    "eigvalsh": jnp.linalg.eigvalsh,
    "eigh": jnp.linalg.eigh,
    "svd without vectors": partial(jnp.linalg.svd, compute_uv=False),
}
modes = {}
for name, function in functions.items():
    text = jax.jit(function).lower(jnp.eye(252)).as_text()
    (modes[name],) = re.findall(r"mode = (\d+) : ui8", text)
    print(f"{name}: mode {modes[name]} ({chr(int(modes[name]))})")
still = modes == {"eigvalsh": "86", "eigh": "86", "svd without vectors": "78"}
sys.exit(0 if still else 1)
PYTHON

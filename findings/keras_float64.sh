#!/bin/sh
# Keras 3.15.1 on the JAX backend: a model of dtype float64 computes its activations in float32, even
# where JAX has float64.
#
# keras/src/backend/common/dtypes.py maps every result type "float64" to "float32" for all backends
# but TensorFlow (`BIT64_TO_BIT32_DTYPE`), and keras/src/backend/jax/numpy.py casts to that type:
#     dtype = dtypes.result_type(x.dtype, float); x = cast(x, dtype); return jnp.tanh(x)
# The policy of the layer says float64, and half of the digits are gone.
#
# Seen on 2026-11-28 (jax 0.10.2, CPU, JAX_ENABLE_X64=1):
#     keras 3.15.1
#     Activation("tanh", dtype="float64") of float64: float32, off by 3.84e-08
# Exit 0: it is still so. Exit 1: it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax JAX_ENABLE_X64=1 JAX_PLATFORMS=cpu KERAS_HOME="$folder" \
    "$folder/venv/bin/python" - <<'PYTHON'
import sys

import keras
import numpy as np

x = np.linspace(-1, 1, 7)
y = keras.layers.Activation("tanh", dtype="float64")(x)
off = float(np.abs(np.asarray(y) - np.tanh(x)).max())
print("keras", keras.__version__)
print(f'Activation("tanh", dtype="float64") of {x.dtype}: {y.dtype}, off by {off:.3g}')
sys.exit(0 if off > 1e-10 else 1)
PYTHON

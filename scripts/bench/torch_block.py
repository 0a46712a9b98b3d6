"""A block as a PyTorch module in float64, with the images in PyTorch's order."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from scripts.bench.draws import Layer
from scripts.bench.layers import EPSILON


def to_module(layer: Layer, x: Tensor) -> nn.Sequential:
    """The block, its batch norm with the statistics at x, held constant."""
    kernel = torch.from_numpy(layer.kernel)
    if layer.kind == "dense":
        linear = nn.Linear(*kernel.shape, bias=False, dtype=kernel.dtype)
        linear.weight.data = kernel.T.contiguous()
        return nn.Sequential(linear, *([nn.ReLU()] if layer.relu else []))
    if layer.kind == "shared kernel":  # the channels above each other, stepped over one by one
        height, width = kernel.shape
        step = nn.Conv2d(1, 1, (height, width), (height, width), bias=False, dtype=kernel.dtype)
        step.weight.data = kernel[None, None].clone()
        return nn.Sequential(nn.Flatten(1, 2), nn.Unflatten(1, (1, -1)), step, nn.Flatten())
    height, width, channels, features = kernel.shape
    assert height % 2 == width % 2 == 1, "PyTorch pads both sides alike"
    around = (height // 2, width // 2)
    conv = nn.Conv2d(
        channels, features, (height, width), padding=around, bias=False, dtype=kernel.dtype
    )
    conv.weight.data = kernel.permute(3, 2, 0, 1).contiguous()
    norm = nn.BatchNorm2d(features, eps=EPSILON, dtype=kernel.dtype)
    norm.weight.data, norm.bias.data = torch.from_numpy(layer.scale), torch.from_numpy(layer.shift)
    with torch.no_grad():
        z = conv(x)
    norm.running_mean, norm.running_var = z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0)
    return nn.Sequential(conv, norm, nn.ReLU(), nn.MaxPool2d(layer.pool)).eval()


def to_tensor(x: np.ndarray) -> Tensor:
    """Images (N, H, W, C) as (N, C, H, W)."""
    return torch.from_numpy(x if x.ndim == 2 else np.moveaxis(x, 3, 1).copy())


def to_array(y: Tensor) -> np.ndarray:
    """The opposite of `to_tensor`."""
    y = y.detach().numpy()
    return y if y.ndim == 2 else np.moveaxis(y, 1, 3)


def mean_of(layer: Layer, x: np.ndarray) -> np.ndarray:
    """The mean output alone."""
    inputs = to_tensor(x)
    with torch.no_grad():
        return to_array(to_module(layer, inputs)(inputs))

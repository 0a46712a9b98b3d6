"""PyTorch networks: the same outputs and parameters in JAX, or a clear word."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flax import nnx

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: pip install 'sed2-rank[torch]'"
)

import sed2  # noqa: E402
from sed2.blocks.factory import split  # noqa: E402
from sed2.errors import SpecError, UsageError  # noqa: E402
from sed2.frameworks.registry import adopt  # noqa: E402
from sed2.priors import unknown_fans  # noqa: E402
from sed2.settings import parse_prior  # noqa: E402
from sed2.spec.module import from_network  # noqa: E402
from tests.frameworks.nets import flat, ready, sizes  # noqa: E402

nn = torch.nn
F = nn.functional


class Images(nn.Module):
    """With what most networks of images have."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.deep = nn.Conv2d(4, 4, 3, groups=4, stride=2, dilation=2, padding=2)
        self.group = nn.GroupNorm(2, 4)
        self.up = nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.head = nn.Linear(6, classes)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 3, 2, 1, ceil_mode=True)
        x = F.silu(self.group(self.deep(x)))
        x = F.avg_pool2d(F.hardswish(self.up(x)), 2, 1, 1, ceil_mode=True)
        x = F.adaptive_avg_pool2d(x, 3)
        return self.head(F.dropout(x, 0.5, self.training).mean((2, 3)))


class Tokens(nn.Module):
    """A transformer on whole numbers, whose head is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.place = nn.Parameter(torch.randn(5, 8), requires_grad=False)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x: Any) -> Any:
        x = self.layers(self.embed(x) + self.place)
        return self.head(x[:, 0])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 5, batch_first=True)
        self.head = nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        outputs, _ = self.gru(x)
        return self.head(outputs[:, -1])


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2))
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x: Any) -> Any:
        return self.layers(x) * self.scale


class Misc(nn.Module):
    """Operators of many sorts."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(6, 6))

    def forward(self, x: Any) -> Any:
        y = torch.einsum("ni,ij->nj", x, self.w)
        a, b = y.chunk(2, dim=1)
        y = torch.cat([a.flip(1), torch.where(b > 0, b, 2 * b), a.roll(1, 1)], 1)
        y = F.pad(y, (1, 2), value=0.5)[:, 1::2].clamp(-1, 1)
        y = y * y.softmax(-1) + y.std(1, keepdim=True) + y.norm(dim=1, keepdim=True)
        y = F.elu(y) + F.leaky_relu(y, 0.1) + F.softplus(y) + torch.erf(y) + y.pow(3)
        top, _ = y.topk(3, dim=1)
        return torch.stack([top, y[:, :3].cumsum(1)], 2).flatten(1)


NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "images": (Images, (9, 9, 3)),
    "tokens": (Tokens, (5,)),
    "recurrent": (Recurrent, (6, 4)),
    "misc": (Misc, (6,)),
}


def inputs(shape: tuple[int, ...], rows: int, whole: bool) -> np.ndarray:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 11, (rows, *shape)) if whole else rng.normal(size=(rows, *shape))
    return numbers.astype(float)


def by_torch(module: Any, x: np.ndarray) -> np.ndarray:
    tensor = torch.tensor(x).long() if isinstance(module, Tokens) else torch.tensor(x)
    with torch.no_grad():
        outputs = module.double().eval()(tensor.permute(0, 3, 1, 2) if x.ndim == 4 else tensor)
    return np.asarray(outputs)


@pytest.mark.parametrize(("network", "shape"), NETWORKS.values(), ids=NETWORKS)
def test_outputs_and_parameters_are_those_of_torch(
    network: Callable[[], Any], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(1)
    theirs = network()
    ours = adopt(theirs, "theirs")
    trained = {k: v for k, v in theirs.named_parameters() if v.requires_grad}
    assert {k: v.shape for k, v in flat(ours.parameters).items()} == {
        k: tuple(v.shape) for k, v in trained.items()
    }
    assert sizes(flat(ours.parameters)) == sum(value.numel() for value in trained.values())
    for rows in (3, 1):
        x = inputs(shape, rows, network is Tokens)
        np.testing.assert_allclose(ready(ours, x), by_torch(theirs, x), rtol=1e-10, atol=1e-12)


def test_batch_norm_takes_the_statistics_of_the_inputs() -> None:
    class Ours(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.linear = nnx.Linear(4, 5, rngs=rngs)
            self.norm = nnx.BatchNorm(5, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.norm(self.linear(x))

    theirs = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
    x = inputs((4,), 20, False)
    from sed2.blocks.freeze import freeze

    ours = Ours(nnx.Rngs(0))
    adopted: Any = split(adopt(theirs, "theirs"), "theirs")[0].build((4,), nnx.Rngs(0))
    weight, bias = (np.asarray(p.detach()) for p in theirs[0].parameters())
    ours.linear.kernel[...], ours.linear.bias[...] = weight.T, bias
    expected = freeze(ours, x)(x[:3])
    np.testing.assert_allclose(freeze(adopted, x)(x[:3]), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(expected - by_torch(theirs, x[:3])).max() > 0.1


def test_init_draws_what_torch_does_and_anew() -> None:
    make = adopt(Images, "Images")
    one, same, other = (flat(make(rngs=nnx.Rngs(seed)).parameters) for seed in (0, 0, 1))
    kernel = one["conv.weight"]
    assert (kernel == same["conv.weight"]).all()
    assert (kernel != other["conv.weight"]).all()
    assert np.abs(kernel).max() <= 27**-0.5 < 1.3 * np.abs(kernel).max()  # U(-1/sqrt(27), ...)
    state = torch.random.get_rng_state()
    make(rngs=nnx.Rngs(5))
    assert (torch.random.get_rng_state() == state).all()


def test_kernels_are_known_to_the_measures() -> None:
    (block,) = from_network(Images).blocks
    assert unknown_fans(block, (9, 9, 3), parse_prior("torch")) == ()


def test_a_cast_rounds_nothing() -> None:
    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            return self.linear(x.float().to(x.dtype))

    (block,) = from_network(Cast()).blocks
    assert block.precision((4,)) == "float64"


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.savez(tmp_path / "x.npz", x=inputs((4,), 20, False))
    return str(tmp_path / "x.npz")


def test_a_class_is_scored(data: str) -> None:
    fast: dict[str, Any] = {"dataset": data, "samples": 6, "draws": 3, "eps": [0.01, 0.1]}
    for prior in ("torch", "init"):
        result = sed2.compute(Small, prior=prior, **fast)
        assert result.parameters == 49
        assert result.score.value > 0


def test_an_instance_is_not_drawn_anew(data: str) -> None:
    with pytest.raises(UsageError, match="would be the same"):
        sed2.compute(Small(), dataset=data, samples=6, draws=3, prior="init")


def test_a_list_of_modules_is_one_network() -> None:
    shared = nn.Linear(4, 4)
    blocks = from_network([shared, nn.Tanh(), shared], "list").blocks
    assert sum(block.parameter_count((4,)) for block in blocks) == 20


def test_yaml_names_the_factory_and_its_arguments(tmp_path: Path) -> None:
    spec = {"module": "tests.frameworks.test_torch:Images", "arguments": {"classes": 7}}
    np.savez(tmp_path / "x.npz", x=inputs((9, 9, 3), 20, False))
    (checked,) = sed2.validate(spec, dataset=str(tmp_path / "x.npz"), allow_import=True)
    assert checked.parameters == 299 + 4 * 7
    with pytest.raises(SpecError, match="unexpected keyword argument 'clases'"):
        sed2.validate({**spec, "arguments": {"clases": 7}}, allow_import=True)


def test_all_unknown_operators_are_named_with_their_places() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(4, 4))

        def forward(self, x: Any) -> Any:
            y = torch.linalg.qr(x[:, None] * self.w).Q
            return torch.special.bessel_j0(y).sum(1)

    (block,) = from_network(Odd).blocks
    with pytest.raises(SpecError) as told:
        block.output_shape((4,))
    for part in ("linalg_qr", "special_bessel_j0", "test_torch.py:"):
        assert part in told.value.cause


def test_what_cannot_be_traced_is_told() -> None:
    class Data(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            return self.linear(x) if x.sum() > 0 else x

    (block,) = from_network(Data).blocks
    with pytest.raises(SpecError, match="cannot be applied to inputs of shape"):
        block.output_shape((4,))


def test_inputs_that_are_mixed_are_refused() -> None:
    class Mixing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            return self.linear(x - x.mean(0))

    (block,) = from_network(Mixing).blocks
    with pytest.raises(SpecError, match="maps no input by itself"):
        block.output_shape((4,))


def test_torch_is_imported_for_its_networks_alone() -> None:
    code = "import sys, sed2; sed2.validate('MLP 4-3-2'); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""PyTorch networks: `torch.export` makes an ATen graph of one, which JAX computes.

The graph is made in evaluation mode and float64, for each shape of inputs anew, with any number of
inputs if PyTorch can (`sed2.frameworks.aten` has the operators). Images are (N, H, W, C) in sed2
and (N, C, H, W) in PyTorch, so an input or an output of four axes is transposed. Batch norms take
the statistics of the inputs, as all in sed2 do, and not the running ones. Parameters keep the names
and shapes of PyTorch; one with `requires_grad=False` is a constant, as buffers are.
"""

from __future__ import annotations

import copy
import functools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx

from sed2.errors import SpecError
from sed2.frameworks.aten import IGNORED, OPERATORS, affine
from sed2.frameworks.foreign import Foreign, batch_norm, found, kind_of, making, nested

_BATCH_NORM = "_native_batch_norm_legit_no_training"
_WHOLE = (
    *("linear.default", "matmul.default", "einsum.default", "silu.default", "mish.default"),
    *("log_sigmoid.default", "relu6.default", "scaled_dot_product_attention.default"),
    *("adaptive_avg_pool1d.default", "adaptive_avg_pool2d.default", "adaptive_avg_pool3d.default"),
)
"""What PyTorch would take apart, and JAX has."""
_OUTPUTS = ("logits", "last_hidden_state", "out", "sample")
"""Which of several outputs with names is the network's."""


def from_instance(network: Any, name: str) -> Foreign:
    """The module of a torch module, or of a sequence of them, with the parameters that it holds."""
    module = torch.nn.Sequential(*network) if isinstance(network, Sequence) else network
    return _foreign(_Ported(_ready(copy.deepcopy(module))))


def from_factory(factory: Callable[[], Any], name: str) -> Callable[..., Foreign]:
    """From random keys to the module of what a factory returns, drawn by PyTorch's own initialisers
    under a seed made of the key.

    Raises:
        SpecError: the factory cannot be called, or gives networks of different parameters.
    """
    with making(name):
        program = _Ported(_ready(_seeded(factory, 0)))
        other = _ready(_seeded(factory, 1))
    one = program.values()
    two = _Ported(other).values()
    if {k: v.shape for k, v in one.items()} != {k: v.shape for k, v in two.items()}:
        raise SpecError(
            f"`{name}` makes another network each time it is called",
            mend="Let it return the same architecture, whatever the random numbers are",
        )
    drawn = [key for key, value in one.items() if not np.array_equal(value, two[key])]

    # PyTorch draws in float32; and JAX calls back in a thread that does not know `enable_x64`.
    shapes = [jax.ShapeDtypeStruct(one[key].shape, np.float32) for key in drawn]

    def numbers(key_data: Any) -> list[np.ndarray]:
        seed = int.from_bytes(np.asarray(key_data).tobytes()[:8], "little") >> 1
        values = _Ported(_ready(_seeded(factory, seed))).values()
        return [values[key].astype(np.float32) for key in drawn]

    def make(*, rngs: nnx.Rngs) -> Foreign:
        key_data = jax.random.key_data(rngs.params())
        fresh = jax.pure_callback(numbers, shapes, key_data, vmap_method="sequential")
        return _foreign(program, dict(zip(drawn, fresh, strict=True)))

    return make


def _seeded(factory: Callable[[], Any], seed: int) -> torch.nn.Module:
    """What it makes after `torch.manual_seed(seed)`. PyTorch's own state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made: torch.nn.Module = factory()
        return made


def _ready(module: torch.nn.Module) -> torch.nn.Module:
    """In evaluation mode and float64, on the CPU."""
    return module.to("cpu").double().eval()


def _foreign(program: _Ported, drawn: Mapping[str, Any] | None = None) -> Foreign:
    values = {**program.values(), **(drawn or {})}
    norms = {
        name: batch_norm(layer.num_features, layer.eps, axis=1)
        for name, layer in program.norms.items()
    }
    kind = kind_of("torch", type(program.module).__name__)
    return kind(nested({k: jnp.asarray(v, float) for k, v in values.items()}), program, norms)


@dataclass(frozen=True)
class _Name:
    """A value of a graph, as an argument."""

    name: str


@dataclass(frozen=True)
class _Step:
    """One operation of a graph."""

    name: str
    function: Callable[..., Any]
    args: Any
    kwargs: Any
    norm: str = ""
    """Of a batch norm, its name."""


@dataclass(frozen=True)
class _Graph:
    """A program of a module for one shape of inputs."""

    parameters: Mapping[str, str]
    """By the names of values, those of parameters."""
    constants: Mapping[str, np.ndarray]
    inputs: Sequence[str]
    steps: Sequence[_Step]
    output: Any
    whole: bool
    """Whether the inputs are whole numbers."""


@dataclass(eq=False)
class _Ported:
    """A torch module as a function of JAX."""

    module: torch.nn.Module
    graphs: dict[Any, _Graph] = field(default_factory=dict)
    """By the shape of one input; and by that and the number of inputs, where this must be fixed."""

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Of all parameters that are trained, by each of their names the first."""
        first: dict[int, str] = {}
        named = list(self.module.named_parameters(remove_duplicate=False))
        for name, value in named:
            if value.requires_grad:
                first.setdefault(id(value), name)
        return {name: first[id(value)] for name, value in named if id(value) in first}

    @functools.cached_property
    def norms(self) -> dict[str, Any]:
        """Batch norms that keep running statistics."""
        return {
            name: layer
            for name, layer in self.module.named_modules()
            if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)
            and layer.running_mean is not None
        }

    def values(self) -> dict[str, np.ndarray]:
        """The parameters, each once."""
        kept = dict(self.module.named_parameters(remove_duplicate=False))
        return {name: kept[name].detach().numpy() for name in dict.fromkeys(self.names.values())}

    def __call__(
        self, parameters: Any, x: jax.Array, norms: Mapping[str, nnx.BatchNorm]
    ) -> jax.Array:
        if x.ndim == 4:
            x = jnp.moveaxis(x, -1, 1)
        graph = self.graph(x.shape)
        dtype = jnp.result_type(*jax.tree.leaves(parameters) or [x])
        known: dict[str, Any] = {
            name: found(parameters, key) for name, key in graph.parameters.items()
        }
        for name, value in graph.constants.items():
            is_float = np.issubdtype(value.dtype, np.floating)
            known[name] = jnp.asarray(value, dtype if is_float else None)
        known |= dict.fromkeys(graph.inputs, x.astype(int) if graph.whole else x.astype(dtype))

        def read(value: Any) -> Any:
            if isinstance(value, _Name):
                return known[value.name]
            if isinstance(value, list):
                return [read(each) for each in value]
            return jnp.dtype(dtype) if value is _FLOAT else value

        for step in graph.steps:
            args = read(step.args)
            if step.norm:
                normed = norms[step.norm](args[0])
                known[step.name] = (affine(normed, args[1], args[2], normed.ndim - 2),)
            else:
                kwargs = {key: read(value) for key, value in step.kwargs.items()}
                known[step.name] = step.function(*args, **kwargs)
        outputs = read(graph.output)
        return jnp.moveaxis(outputs, 1, -1) if outputs.ndim == 4 else outputs

    def graph(self, shape: tuple[int, ...]) -> _Graph:
        """That for inputs (N, ...) of a shape.

        Raises:
            SpecError: it uses an operator that is not known.
            Exception: what PyTorch raises if it cannot be applied to such inputs.
        """
        for key in (shape[1:], shape):
            if key in self.graphs:
                return self.graphs[key]
        whole, fixed = False, False
        while True:
            # PyTorch takes one input for a special case, if the number is to be any.
            rows = shape[0] if fixed else max(2, shape[0])
            x = torch.zeros((rows, *shape[1:]), dtype=torch.long if whole else torch.double)
            any_number = None if fixed else ({0: torch.export.Dim("batch")},)
            try:
                program = _exported(self.module, x, any_number)
                break
            except Exception as error:
                if not whole and re.search("indices|embedding|Long|int64", str(error)):
                    whole, fixed = True, False
                elif not fixed:
                    fixed = True
                else:
                    raise
        graph = _GraphReader(self, program, whole).read()
        self.graphs[shape if fixed else shape[1:]] = graph
        return graph


_FLOAT = object()
"""The type that a network computes in."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch says of itself, and without its kernels of whole layers."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _exported(module: torch.nn.Module, x: torch.Tensor, any_number: Any) -> Any:
    with _quiet():
        program = torch.export.export(module, (x,), dynamic_shapes=any_number)
        table = torch.export.default_decompositions()
        for name in _WHOLE:
            packet, overload = name.split(".")
            table.pop(getattr(getattr(torch.ops.aten, packet), overload), None)
        return program.run_decompositions(table)


@dataclass
class _GraphReader:
    """From an exported program to a graph without anything of PyTorch."""

    program: _Ported
    exported: Any
    whole: bool

    def read(self) -> _Graph:
        """
        Raises:
            SpecError: some operators are not known; it names all of them.
        """
        signature = self.exported.graph_signature
        kinds = torch.export.graph_signature.InputKind
        parameters, constants, inputs = {}, {}, []
        for spec in signature.input_specs:
            name = spec.arg.name
            if spec.kind is kinds.USER_INPUT:
                inputs.append(name)
            elif spec.target in self.program.names:
                parameters[name] = self.program.names[spec.target]
            else:
                kept = {**self.exported.state_dict, **self.exported.constants}
                constants[name] = kept[spec.target].detach().numpy()
        steps: list[_Step] = []
        unknown: dict[str, str] = {}
        output = None
        statistics = {spec.arg.name: spec.target for spec in signature.input_specs}
        for node in self.exported.graph.nodes:
            if node.op == "output":
                output = self._output(node.args[0], signature)
            elif node.op == "get_attr":
                value = getattr(self.exported.graph_module, str(node.target))
                constants[node.name] = value.detach().numpy()
            elif node.op == "call_function":
                name = _name_of(node.target)
                if name in IGNORED:
                    continue
                norm = ""
                if name == _BATCH_NORM:
                    norm = str(statistics.get(node.args[3].name)).removesuffix(".running_mean")
                known = OPERATORS.get(name) or (norm in self.program.norms and _identity)
                if not known:
                    unknown.setdefault(str(node.target), _place(node))
                    continue
                args, kwargs = self._argument(node.args), node.kwargs.items()
                kwargs = {key: self._argument(value) for key, value in kwargs if key != "device"}
                steps.append(_Step(node.name, known, args, kwargs, norm))
        if unknown:
            kind = type(self.program.module).__name__
            found = "; ".join(f"`{name}`{place}" for name, place in unknown.items())
            raise SpecError(
                f"the torch module `{kind}` uses operators that sed2 does not know: {found}",
                mend="Write these steps with other functions of PyTorch, or put the network in JAX",
            )
        return _Graph(parameters, constants, inputs, steps, output, self.whole)

    def _output(self, values: Any, signature: Any) -> Any:
        """The only one, or the one that is known by its name."""
        specs = [each for each in signature.output_specs if each.kind.name == "USER_OUTPUT"]
        arrays = list(values)[-len(specs) :]
        names = _names_of_outputs(self.exported)
        given = dict(zip(names, arrays, strict=False))
        for name in _OUTPUTS:
            if name in given:
                return self._argument(given[name])
        if len(arrays) != 1:
            raise SpecError(
                f"the torch module `{type(self.program.module).__name__}` returns "
                f"{len(arrays)} tensors",
                mend="Wrap it in a module that returns one of them",
            )
        return self._argument(arrays[0])

    def _argument(self, value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return _Name(value.name)
        if isinstance(value, list | tuple):
            return [self._argument(each) for each in value]
        if isinstance(value, torch.dtype):
            if value.is_floating_point:
                return _FLOAT
            return jnp.dtype(str(value).removeprefix("torch."))
        if isinstance(value, torch.layout | torch.memory_format | torch.device):
            return None
        return value


def _identity(*args: Any) -> Any:
    return args


def _name_of(target: Any) -> str:
    """Of an operator, without its namespace and overload."""
    if isinstance(target, torch._ops.OpOverload):
        return target._schema.name.split("::")[-1]
    return str(getattr(target, "__name__", target))


def _place(node: Any) -> str:
    """Where it stands in the user's source."""
    lines = re.findall(r'File "([^"]+)", line (\d+)', node.stack_trace or "")
    return f" ({lines[-1][0]}:{lines[-1][1]})" if lines else ""


def _names_of_outputs(exported: Any) -> list[str]:
    """Of a mapping or an object with fields; empty if it is none."""
    spec = exported.call_spec.out_spec
    return [str(key) for key in spec.context] if isinstance(spec.context, list) else []

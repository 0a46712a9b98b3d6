"""Small inputs that ask for huge work: refused by a bound, soon and in little memory."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial

from scripts.reliability.lab import Lab
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "Small inputs that ask for huge work"
ABOUT = (
    "Each must be refused with exit code 2, or 4 for data, or 5 for memory, within {cpu:g} s of a "
    "processor, the start of sed2 included, in one of three tries, and {mb:g} MB. No "
    "message may be longer than {longest:,} bytes."
)
CPU, MB, LONGEST = 2.0, 300, 11_000


def deep_aliases() -> str:
    """Nine levels of nine: 387 million values."""
    levels = ["a0: &a0 [1,1,1,1,1,1,1,1,1]"]
    levels += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join([*levels, "models: *a8"])


def notation_by_aliases() -> str:
    """One notation of 900 widths, in 900 models."""
    first = f"  - {{name: m, notation: &n MLP 54-{'-'.join(['1'] * 900)}-7}}"
    more = [f"  - {{name: m{n}, notation: *n}}" for n in range(900)]
    return "\n".join(["models:", first, *more])


def blocks_by_aliases() -> str:
    """Blocks that hold blocks, doubled 16 times."""
    lines = ["models:", "  - name: a", "    blocks:"]
    inner = "dense: {features: 54}"
    lines.append(f"      - residual: {{blocks: &b0 [{{{inner}}}]}}")
    for n in range(1, 17):
        both = ", ".join([f"{{residual: {{blocks: *b{n - 1}}}}}"] * 2)
        lines.append(f"      - residual: {{blocks: &b{n} [{both}]}}")
    return "\n".join(lines)


def npy(shape: tuple[int, ...]) -> bytes:
    """The header of an array without its numbers."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x02\0" + struct.pack("<I", len(header)) + header


def npz(member: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of one array."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("x.npy", member)
    return buffer.getvalue()


def nested_cifar() -> bytes:
    """An archive whose array has a shape of tuples, each of which holds the one before twice."""
    doubling = b"h\x01h\x01\x86q\x01" * 60
    begin, end = b"\x80\x02}(U\x01x]()q\x01", b"U\x06labels](K\x00eu."
    array = b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01h\x01"
    dtype = b"cnumpy\ndtype\nU\x02u1\x85R\x89U\x01atb"
    return tar(begin + doubling + b"eU\x04data" + array + dtype + end)


def tar(batch: bytes) -> bytes:
    """The batch as an archive of CIFAR."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("data_batch_1", "test_batch"):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(batch)
            archive.addfile(member, io.BytesIO(batch))
    return buffer.getvalue()


SPECS: dict[str, Callable[[], str]] = {
    "aliases of aliases": deep_aliases,
    "a notation repeated by aliases": notation_by_aliases,
    "blocks repeated by aliases": blocks_by_aliases,
    "a notation with 200,000 widths": lambda: f"models: [MLP {'-'.join(['1'] * 200_000)}]",
    "a notation with 300,000 spaces": lambda: f"models: ['MLP 54{' ' * 300_000}-7']",
    "a notation with 300,000 spaces between dashes": lambda: (
        f"models: ['MLP 54-{' -' * 150_000}7']"
    ),
    "a width of 900,000 digits": lambda: f"models: [MLP 54-{'9' * 900_000}-7]",
    "a number of 900,000 digits": lambda: f"draws: {'9' * 900_000}\nmodels: [MLP 54-7]",
    "a name of 900,000 characters": lambda: json.dumps(
        {"models": [{"name": "x" * 900_000, "notation": "MLP 54-7"}]}
    ),
    "a key of 900,000 characters": lambda: json.dumps({"x" * 900_000: 1, "models": ["MLP 54-7"]}),
    "20,000 keys that do not exist": lambda: json.dumps({f"k{n}": n for n in range(20_000)}),
    "brackets 500,000 deep": lambda: "models: " + "[" * 500_000,
    "lists 60,000 deep by indentation": lambda: "\n".join(" " * n + "-" for n in range(1000)),
    "10,000 eps": lambda: (
        f"eps: [{', '.join(str(1 / (n + 2)) for n in range(10_000))}]\nmodels: [MLP 54-7]"
    ),
    "eps with 10^9 points": lambda: "eps: 1e-3:1e-1:1000000000\nmodels: [MLP 54-7]",
    "a layer of 10^15 features": lambda: "models: [MLP 54-999999999999999-7]",
    "layers that no memory holds": lambda: f"models: [MLP 54-{'-'.join(['99999999'] * 900)}-7]",
    "a trillion draws": lambda: "draws: 1000000000000\nsamples: 9999999\nmodels: [MLP 54-7]",
    "2 MB of comments": lambda: "#" * 2_000_000,
}
TOO_LARGE = ("layers that no memory holds", "a trillion draws")
"""Specs without a fault, for another machine: `rank` refuses them."""
FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an array that announces 8 GB": ("x.npz", lambda: npz(npy((10**6, 1000)))),
    "an array that announces 8 GB, packed": (
        "x.npz",
        lambda: npz(npy((10**6, 1000)), zipfile.ZIP_DEFLATED),
    ),
    "an array of 4 GB of zeros, packed to 4 MB": (
        "x.npz",
        lambda: npz(npy((500_000, 1000)) + bytes(2**27), zipfile.ZIP_DEFLATED),
    ),
    "an array of 10^30 numbers": ("x.npz", lambda: npz(npy((10**15, 10**15)))),
    "an array whose shape overflows to little": ("x.npz", lambda: npz(npy((2**32, 2**32)))),
    "an image archive whose shape nests": ("x.tar.gz", nested_cifar),
    "an image archive of 1 GB of zeros": ("x.tar.gz", lambda: tar(bytes(2**29))),
    "idx that announces 10^12 images": (
        "x-images-idx3-ubyte",
        lambda: bytes([0, 0, 8, 3]) + struct.pack(">III", 2**32 - 1, 999, 999),
    ),
    "a CSV line of 2 MB": ("x.csv", lambda: b"1," * 10**6 + b"0\n"),
}
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "a baseline of 17 MB": lambda: b" " * (17 * 2**20) + b"{}",
    "a baseline 100,000 lists deep": lambda: b"[" * 100_000,
    "a baseline with a number of a million digits": lambda: b'{"a": ' + b"9" * 10**6 + b"}",
    "a baseline with 10,000 keys that do not exist": lambda: json.dumps(
        {f"k{n}": n for n in range(10_000)}
    ).encode(),
}


def tries(lab: Lab, few: bool) -> Iterator[Try]:
    """Every input once."""
    size = ("--samples", "5", "--draws", "3")

    def refused(
        name: str, content: Callable[[], bytes], codes: tuple[int, ...], *arguments: str
    ) -> Outcome:
        with lab.scratch() as scratch:
            (scratch / name).write_bytes(content())
            for _ in range(3):  # what others do at the same time takes time as well
                ran = lab.sed2(*arguments, cwd=scratch, timeout=300)
                if ran.cpu_seconds <= CPU:
                    break
        demand(ran.code in codes, f"exit {codes}, not {ran.code}: {ran.err[:500]}")
        demand(ran.cpu_seconds <= CPU, f"within {CPU} s, not {ran.cpu_seconds:.2f}")
        demand(ran.peak_mb <= MB, f"within {MB} MB, not {ran.peak_mb:.0f}")
        demand(len(ran.err) <= LONGEST, f"its message has {len(ran.err):,} bytes")
        demand("Traceback" not in ran.err, f"there is no traceback: {ran.err[:500]}")
        return Outcome({f"exit {ran.code}": 1}, ran.peak_mb)

    some = (
        *(
            ("specs", what, "s.yaml", lambda make=make: make().encode(), (2, 5),
             ("rank" if what in TOO_LARGE else "validate", "s.yaml", "--dataset", "covertype"))
            for what, make in SPECS.items()
        ),
        *(
            ("data", what, name, make, (4, 5), ("validate", "MLP 54-7", "--dataset", name))
            for what, (name, make) in FILES.items()
        ),
        *(
            ("baselines", what, "b.json", make, (2,), ("gate", "MLP 54-7", "--dataset", "covertype",
             *size, "--baseline", "b.json"))
            for what, make in DOCUMENTS.items()
        ),
        *(
            ("results to compare", what.replace("baseline", "result"), "b.json", make, (2,),
             ("diff", "b.json", "b.json"))
            for what, make in list(DOCUMENTS.items())[1:]
        ),
    )  # fmt: skip
    for kind, what, name, content, codes, arguments in some[::10] if few else some:
        yield Try(
            kind,
            what,
            partial(refused, name, content, codes, *arguments),
        )


def about() -> str:
    """What the page says."""
    return ABOUT.format(cpu=CPU, mb=MB, longest=LONGEST)

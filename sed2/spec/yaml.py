"""YAML as sed2 reads it: plain values, each with its place in the file.

PyYAML does the parsing, up to its graph of nodes; the values are made here, because its own
loader reads `1e-3` as text and `off` as false, lets a repeated key overwrite the first, and lets
tags construct objects. Scalars follow the core schema of YAML 1.2, with decimal integers only.
A file cannot cost much: its size, its depth and the number of its values are bounded, the last
two after aliases are expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sed2.common.files import open_input
from sed2.common.validation import Route
from sed2.errors import SpecError, did_you_mean, shown

MAX_BYTES = 2**20
MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_KEYS = 1_000
"""Of one mapping: more are no options, and need not be told one by one."""
MAX_DIGITS = 100

_HALF = re.compile("[\ud800-\udfff]")
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(
    r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+"
    r"|\.(?:inf|Inf|INF))\Z|\.(?:nan|NaN|NAN)\Z"
)

_CAUSES = (
    ("found character '\\t'", "a tab cannot indent YAML", "Use spaces"),
    (
        "mapping values are not allowed",
        "a `:` stands where no key can stand",
        "Check the indentation, or put the text in quotes",
    ),
    ("could not find expected ':'", "a key has no `:` after it", "Write `key: value`"),
    (
        "expected <block end>",
        "this line does not fit the indentation of the lines before it",
        "Indent the entries of one list or mapping alike",
    ),
    (
        "while parsing a flow",
        "a `[` or `{` is not closed",
        "Close it, with `,` between the entries",
    ),
    ("while scanning a quoted", "a quoted text is not closed or not valid", "Close the quote"),
    ("undefined alias", "this alias has no anchor", "Put `&name` at the value it stands for"),
    ("duplicate anchor", "this anchor is set twice", "Give every anchor its own name"),
    ("undefined tag handle", "tags are not supported", "Remove the tag"),
)
"""PyYAML's way of saying it, ours, and the mend."""


@dataclass(frozen=True)
class Document:
    """The values of a YAML text, and where each of them stands."""

    data: Any
    """Nested dict (with text keys), list, str, int, float, bool and None."""
    source: str
    """The file's name."""
    root: yaml.Node = field(repr=False, compare=False)

    def locate(self, path: Route, *, key: bool = False) -> str:
        """`file:line:column` of the value at `path`, or of its nearest parent that exists.

        Args:
            path: keys of mappings and positions in lists, from the top.
            key: the place of the last key itself, instead of its value.
        """
        node = self.root
        for i, step in enumerate(path):
            found = _child(node, step)
            if found is None:
                break
            node = found[0] if key and i == len(path) - 1 else found[1]
        return _place(self.source, node.start_mark)


def load(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        SpecError: the file cannot be read, is not UTF-8 text, or is not the YAML described above.
    """
    try:
        with open_input(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SpecError(f"there is no file {path}", mend=_mend_path(path)) from None
    except IsADirectoryError:
        raise SpecError(f"{path} is a folder", mend=_list_yaml(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError(
            f"{str(path)!r} cannot be read ({reason})", mend="Check the path and its permissions"
        ) from None
    if len(raw) > MAX_BYTES:
        raise _too_large(str(path))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        raise SpecError(
            "this is not UTF-8 text",
            mend="Save the file as UTF-8; a spec is a YAML file, data go to `dataset`",
            where=f"{path}:{before.count(10) + 1}:{column}",
        ) from None
    return loads(text, str(path))


def loads(text: str, source: str) -> Document:
    """Read YAML text; `source` names it in messages.

    Raises:
        SpecError: the text is not the YAML described above.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _too_large(source)
    text = text.removeprefix("\ufeff")
    if bad := yaml.reader.Reader.NON_PRINTABLE.search(text):
        before = text[: bad.start()]
        raise SpecError(
            f"the character U+{ord(bad.group()):04X} cannot stand in YAML",
            mend="Remove it; a spec is a text file",
            where=f"{source}:{before.count(chr(10)) + 1}:{bad.start() - before.rfind(chr(10))}",
        )
    root = _compose(text, source)
    return Document(_Builder(source).build(root), source, root)


class _Loader(yaml.SafeLoader):
    """Composes nodes, without resolving or constructing anything; refuses tags and deep nests."""

    def __init__(self, text: str, source: str) -> None:
        super().__init__(text)
        self.source = source
        self.depth = 0
        self.nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise SpecError(
                f"the tag '{shown(event.tag)}' is not supported",
                mend="Remove it: values are plain text, numbers, true or false, lists and mappings",
                where=_place(self.source, event.start_mark),
            )
        if self.depth >= MAX_DEPTH:
            raise _too_deep(self.source, event.start_mark)
        if isinstance(parent, yaml.MappingNode) and len(parent.value) >= MAX_KEYS:
            raise SpecError(
                f"a mapping has more than {MAX_KEYS:,} keys",
                mend="A spec needs no more than some dozens; data go to `dataset`",
                where=_place(self.source, event.start_mark),
            )
        self.nodes += 1
        if self.nodes > 2 * MAX_VALUES:  # each value may have a key
            raise _too_many(self.source, event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return ""


def _compose(text: str, source: str) -> yaml.Node:
    """The graph of nodes of the only document."""
    loader = _Loader(text, source)
    try:
        root = loader.get_node() if loader.check_node() else None
        if root is None or (isinstance(root, yaml.ScalarNode) and _is_plain(root, _NULL)):
            raise SpecError(
                "the file is empty",
                mend="List the models, as in `models: [MLP 54-16-7]`",
                where=f"{source}:1:1",
            )
        if loader.check_node():
            raise SpecError(
                "a second document begins here",
                mend="Keep one document per file, without `---` between the parts",
                where=_place(source, loader.peek_event().start_mark),
            )
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, source) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # e.g. the escape "\UFFFFFFFF"
        raise SpecError(
            f"this is not valid YAML ({error})", where=_place(source, loader.get_mark())
        ) from None
    finally:
        loader.dispose()
    return root


@dataclass
class _Builder:
    """Makes the values of a graph of nodes. Aliases are expanded, so values are counted."""

    source: str
    values: int = 0
    open: set[int] = field(default_factory=set)
    """The nodes that are being built; an alias to one of them would never end."""

    def build(self, node: yaml.Node, depth: int = 0) -> Any:
        self.values += 1
        if self.values > MAX_VALUES:
            raise _too_many(self.source, node.start_mark)
        if depth >= MAX_DEPTH:
            raise _too_deep(self.source, node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self.open:
            raise SpecError(
                "this value contains an alias (`*name`) to itself",
                mend="Write the value out",
                where=_place(self.source, node.start_mark),
            )
        self.open.add(id(node))
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, depth)
        else:
            value = [self.build(child, depth + 1) for child in node.value]
        self.open.remove(id(node))
        return value

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        places: dict[str, str] = {}
        for key_node, child in node.value:
            place = _place(self.source, key_node.start_mark)
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else key_node
            if not isinstance(key, str):
                scalar = isinstance(key_node, yaml.ScalarNode)
                found = f"`{shown(key_node.value)}`" if scalar else "this"
                raise SpecError(
                    f"a key has to be text, but {found} is not",
                    mend="Put it in quotes if it is meant as text",
                    where=place,
                )
            if key == "<<" and key_node.style is None:
                raise SpecError(
                    "merge keys (`<<`) are not supported",
                    mend="Write the entries out, or use an alias for a whole value",
                    where=place,
                )
            if key in built:
                raise SpecError(
                    f"the key `{shown(key)}` is repeated; it stands at {places[key]} already",
                    mend="Remove one of the two",
                    where=place,
                )
            places[key] = place
            built[key] = self.build(child, depth + 1)
        return built

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = node.value
        if _HALF.search(text):  # JSON writes what is beyond U+FFFF as the halves of a pair
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if _HALF.search(text):
            raise SpecError(
                "a text holds half of a surrogate pair",
                mend="Write the character itself instead of its escape",
                where=_place(self.source, node.start_mark),
            )
        if _is_plain(node, _NULL):
            return None
        if _is_plain(node, _BOOL):
            return text.lower() == "true"
        if _is_plain(node, _INT):
            if len(text) > MAX_DIGITS:
                raise SpecError(
                    f"a number has more than {MAX_DIGITS} digits",
                    mend="Put it in quotes if it is meant as text",
                    where=_place(self.source, node.start_mark),
                )
            return int(text)
        if _is_plain(node, _FLOAT):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text


def _is_plain(node: yaml.ScalarNode, pattern: re.Pattern[str]) -> bool:
    return node.style is None and pattern.match(node.value) is not None


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """(node of the key, node of the value) of an entry; an entry of a list is its own key."""
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _place(source: str, mark: Any) -> str:
    return f"{source}:{mark.line + 1}:{mark.column + 1}"


def _syntax_error(error: yaml.MarkedYAMLError, source: str) -> SpecError:
    """PyYAML's complaint in plain words."""
    original = ", ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    where = _place(source, mark) if mark else source
    for theirs, cause, mend in _CAUSES:
        if theirs in original:
            return SpecError(cause, mend=mend, where=where)
    return SpecError(f"this is not valid YAML ({original})", where=where)


def _too_deep(source: str, mark: Any) -> SpecError:
    return SpecError(
        f"values are nested more than {MAX_DEPTH} deep",
        mend="A spec needs no more than a handful of levels",
        where=_place(source, mark),
    )


def _too_many(source: str, mark: Any) -> SpecError:
    return SpecError(
        f"the file holds more than {MAX_VALUES:,} values, aliases expanded",
        mend="Write fewer models, or fewer aliases (`*name`)",
        where=_place(source, mark),
    )


def _too_large(source: str) -> SpecError:
    return SpecError(
        f"{source} is larger than {MAX_BYTES // 2**20} MiB",
        mend="A spec is a short YAML file; data go to `dataset`",
    )


def _mend_path(path: Path) -> str:
    """What to do about a file that is not there: the nearest name, and the other form of SPEC."""
    other = 'Give a YAML file, or a notation in quotes such as "MLP 54-16-7"'
    names = _yaml_names(path.parent)
    hint = did_you_mean(path.name, names).replace("Allowed", f"There are in {path.parent}")
    return f"{other}. {hint}" if names else other


def _list_yaml(folder: Path) -> str:
    names = _yaml_names(folder)
    return f"Name a YAML file in it: {', '.join(names)}" if names else "Name a YAML file"


def _yaml_names(folder: Path) -> list[str]:
    try:
        found = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in (".yaml", ".yml"))
    except OSError:
        return []
    return found[:20]

"""The house: imports go one way down, rooms are small, and a name stands for one thing."""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import ferlab
from tests.processes import run

ROOT = Path(ferlab.__file__).parent

FLOORS = (
    ("hydra_private", "optuna_private"),
    ("draft", "git", "paths", "secrets", "signals", "__version__"),
    ("errors", "text"),
    ("outage", "untrusted"),
    ("config",),
    ("instantiate", "study"),
    ("data", "figure_style"),
    ("models", "analysis"),
    ("tracking",),
    ("recording",),
    ("training",),
    ("sweep", "reproduce"),
    ("confirm", "ensemble"),
    ("report", "use", "carry"),
    ("cli",),
    ("__main__",),
)
"""From the lowest up; a room or file imports from lower floors alone."""

LARGEST_ROOM = 12


def _modules() -> dict[str, Path]:
    """Every file of the package by its dotted name."""
    return {
        ".".join(("ferlab", *path.relative_to(ROOT).with_suffix("").parts)): path
        for path in ROOT.rglob("*.py")
    }


def _room(module: str) -> str:
    return module.split(".")[1]


def _imports(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """The modules of ferlab that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("ferlab."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ferlab"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = whole in modules or f"{whole}.__init__" in modules
                yield whole if is_module or node.module == "ferlab" else str(node.module)


def test_every_import_goes_down() -> None:
    modules = _modules()
    floor = {name: i for i, names in enumerate(FLOORS) for name in names}
    upward = []
    for module, path in modules.items():
        if module == "ferlab.__init__":
            continue
        for imported in _imports(path, modules):
            here, there = _room(module), _room(imported)
            if here != there and floor[there] >= floor[here]:
                upward.append(f"{module} imports {imported}")
    assert upward == []


def test_the_engine_of_sweeps_knows_nothing_of_analysis() -> None:
    modules = _modules()
    of_engine = {m: p for m, p in modules.items() if m.startswith("ferlab.sweep.")}
    assert of_engine
    found = [(m, i) for m, p in of_engine.items() for i in _imports(p, modules)]
    assert [pair for pair in found if _room(pair[1]) in ("analysis", "report")] == []


@pytest.mark.parametrize(
    ("room", "strangers"),
    [
        ("analysis", ("optuna", "mlflow", "hydra", "torch", "pytorch_lightning")),
        ("study", ("optuna", "mlflow", "hydra", "torch")),
        ("config", ("torch", "pytorch_lightning", "mlflow", "optuna", "matplotlib")),
        ("models", ("mlflow", "pytorch_lightning", "optuna")),
    ],
)
def test_a_room_is_used_without(room: str, strangers: tuple[str, ...]) -> None:
    files = [m.removesuffix(".__init__") for m in _modules() if _room(m) == room]
    script = "import sys\n" + "".join(f"import {m}\n" for m in files)
    script += f"print(*(set(sys.modules) & {set(strangers)!r}))"
    done = run([sys.executable, "-c", script])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("library", "room"), [("mlflow", "tracking"), ("optuna", "sweep"), ("hydra", "config")]
)
def test_one_room_alone_imports(library: str, room: str) -> None:
    others = {f"{library}_private"} | ({"sweep"} if library == "hydra" else set())
    found = {
        _room(module)
        for module, path in _modules().items()
        if module != "ferlab.__init__"
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _top_level(node)
        if name == library
    }
    assert found - others <= {room}


def test_private_names_of_libraries_are_used_in_two_files_alone() -> None:
    allowed = {"ferlab.hydra_private", "ferlab.optuna_private"}
    plugins = {"hydra_plugins": ROOT.parent / "hydra_plugins" / "hydra_ferlab.py"}
    found = {
        f"{module}: {name}"
        for module, path in {**_modules(), **plugins}.items()
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _private(node)
        if module not in allowed
    }
    assert found == set()


def _private(node: ast.AST) -> list[str]:
    """Names with an underscore in front that are another module's or another object's."""
    match node:
        case ast.Import(names=names):
            dotted = [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names):
            dotted = [f"{module}.{alias.name}" for alias in names]
        case ast.Attribute(value=ast.Name(id="self" | "cls")) | ast.Attribute(attr="_asdict"):
            return []
        case ast.Attribute(attr=attr):
            dotted = [attr]
        case _:
            return []
    return [d for d in dotted if any(p[0] == "_" and p[:2] != "__" for p in d.split("."))]


def _top_level(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").partition(".")[0]]
    return []


def test_rooms_are_small() -> None:
    counts: dict[str, int] = defaultdict(int)
    for path in ROOT.rglob("*.py"):
        counts[str(path.parent.relative_to(ROOT))] += path.name != "__init__.py"
    assert {room: n for room, n in counts.items() if n > LARGEST_ROOM} == {}


def test_a_public_name_stands_for_one_thing() -> None:
    defined: dict[str, list[str]] = defaultdict(list)
    for module, path in _modules().items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_":
                defined[node.name].append(module)
    for command_line in ("add",):  # each file of the command line adds its commands
        assert all(_room(module) == "cli" for module in defined.pop(command_line))
    assert {name: files for name, files in defined.items() if len(files) > 1} == {}

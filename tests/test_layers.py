# SPDX-License-Identifier: Apache-2.0
"""The laws of the house, read from the syntax trees: import ranks, sizes, no code run from data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "flexgs"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 450
MAX_MODULES_PER_FOLDER = 10

# A unit imports only from units of a strictly lower rank, or from itself.
RANKS = (
    ("compiling", "errors", "limits", "progress"),
    ("registry", "workers"),
    ("core", "options"),
    ("io", "quant", "entropy", "render"),
    ("container", "importance", "quality"),
    ("cameras", "repair"),
    ("codec",),
    ("search", "report", "scenes"),
    ("pipeline", "image", "video", "store", "editing", "lint"),
    ("batch", "viewer", "demo"),
    ("bench",),
    ("cli",),
)
RANK_OF = {unit: rank for rank, units in enumerate(RANKS) for unit in units}
# flexgs/__init__.py shows the pipeline to the public; `python -m flexgs` is the command line.
RANK_OF |= {"__init__": RANK_OF["bench"], "__main__": RANK_OF["cli"] + 1}

LIGHT = ("errors", "limits", "registry", "core", "io", "container")  # decoding: no torch, no numba
RUNS_CODE = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "joblib",
    "cloudpickle",
    "subprocess",
    "tarfile",
}
NETWORK = {"socket", "ssl", "http", "urllib", "requests", "httpx", "aiohttp", "ftplib", "smtplib"}
LISTENS = "flexgs.viewer.server"  # the one module that a network can reach
STARTS = ("flexgs.bench.running.process", "flexgs.bench.running.guard")  # other programs
BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
BANNED_ATTRIBUTES = {"torch.load", "os.system", "os.popen", "yaml.load", "np.fromregex"}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in MODULES}


def unit_of(name: str) -> str:
    """flexgs.io.ply -> io; flexgs itself -> __init__."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of every import, wherever in the module it stands."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{stem}.{alias.name}"
                yield node.lineno, full if full in NAMES or stem == "flexgs" else stem


def called(node: ast.Call) -> str:
    """Dotted name of what is called, or ''."""
    parts: list[str] = []
    target: ast.expr = node.func
    while isinstance(target, ast.Attribute):
        parts.append(target.attr)
        target = target.value
    return ".".join([target.id, *reversed(parts)]) if isinstance(target, ast.Name) else ""


def strip_leaves(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left when nodes without an edge into the graph are taken out, again and again."""
    while free := {name for name, targets in graph.items() if targets.isdisjoint(graph)}:
        graph = {name: targets for name, targets in graph.items() if name not in free}
    return graph


@pytest.fixture(params=MODULES, ids=[str(p.relative_to(PACKAGE)) for p in MODULES])
def module(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_unit_has_a_rank() -> None:
    assert {unit_of(name) for name in NAMES} <= set(RANK_OF)


def test_imports_go_down_the_ranks(module: Path) -> None:
    own = unit_of(module_name(module))
    wrong = []
    for line, name in imports_of(module):
        if not name.startswith("flexgs") or name == "flexgs.__version__":
            continue
        other = unit_of(name)
        if other != own and RANK_OF.get(other, len(RANKS)) >= RANK_OF[own]:
            wrong.append(f"{module.name}:{line} {own} imports {name}")
    assert wrong == []


def test_light_units_need_neither_torch_nor_numba(module: Path) -> None:
    if unit_of(module_name(module)) in LIGHT:
        tops = {name.split(".")[0] for _, name in imports_of(module)}
        assert tops.isdisjoint({"torch", "numba", "gsplat"})


def test_no_import_cycles() -> None:
    graph = {
        module_name(path): {name for _, name in imports_of(path) if name in NAMES}
        for path in MODULES
    }
    for name, targets in graph.items():  # a package re-exports its own modules
        targets.discard(name)
    graph = strip_leaves(graph)
    importers = {name: {other for other in graph if name in graph[other]} for name in graph}
    assert sorted(strip_leaves(importers)) == []


def test_no_module_is_too_long(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_no_folder_is_too_full() -> None:
    folders = [folder for folder in (PACKAGE, *PACKAGE.rglob("*")) if folder.is_dir()]
    for folder in folders:
        count = sum(p.name != "__init__.py" for p in folder.glob("*.py"))
        assert count <= MAX_MODULES_PER_FOLDER, folder


def test_every_module_states_its_licence(module: Path) -> None:
    assert module.read_text(encoding="utf-8").startswith("# SPDX-License-Identifier: Apache-2.0\n")


def test_no_imports_that_run_code_or_reach_the_network(module: Path) -> None:
    banned = RUNS_CODE if module_name(module) == LISTENS else RUNS_CODE | NETWORK
    banned = banned - {"subprocess"} if module_name(module) in STARTS else banned
    assert {name.split(".")[0] for _, name in imports_of(module)}.isdisjoint(banned)


def test_no_code_execution_from_data(module: Path) -> None:
    found = []
    for node in ast.walk(parse(module)):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        first = node.args[0] if node.args else None
        if name in BANNED_CALLS | BANNED_ATTRIBUTES or name.endswith(
            (".extractall", ".exec_module")
        ):
            found.append((node.lineno, name))
        if name.endswith("import_module") and not isinstance(first, ast.Constant):
            found.append((node.lineno, "import_module of a variable"))
        if any(
            k.arg == "allow_pickle"
            and not (isinstance(k.value, ast.Constant) and not k.value.value)
            for k in node.keywords
        ):
            found.append((node.lineno, "allow_pickle"))
        if (
            name == "getattr"
            and isinstance(first, ast.Name)
            and first.id in {"torch", "np", "numpy", "os"}
            and not isinstance(node.args[1], ast.Constant)
        ):
            found.append((node.lineno, f"getattr({first.id}, variable)"))
    assert found == []


def test_no_assert_on_data(module: Path) -> None:
    # asserts vanish under python -O; users get typed errors
    assert [n.lineno for n in ast.walk(parse(module)) if isinstance(n, ast.Assert)] == []


def test_plyfile_stays_behind_one_module(module: Path) -> None:
    tops = {name.split(".")[0] for _, name in imports_of(module)}
    assert "plyfile" not in tops or module_name(module) == "flexgs.io.ply"


def test_files_are_written_whole_or_not_at_all(module: Path) -> None:
    """Only `atomic_write` opens files for writing, and what only ever adds whole lines."""
    if module in (PACKAGE / "io" / "files.py", PACKAGE / "io" / "appending.py"):
        return
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("write_text", "write_bytes"), f"{module}:{node.lineno}"
        if isinstance(node, ast.Call) and called(node) in ("open", "io.open"):
            modes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
            for mode in modes:
                assert isinstance(mode, ast.Constant), f"{module}:{node.lineno}"
                assert not set(str(mode.value)) & set("wax+"), f"{module}:{node.lineno}"

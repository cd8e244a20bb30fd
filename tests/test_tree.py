"""The project as a whole: where packages come from, what stays out, what is never called."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benches import ROOT

SOURCES = sorted(p for room in ("sdl", "models", "flows", "protocols") for p in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("name", ["sdl", "models", "flows", "protocols"])
def test_each_package_is_imported_from_this_tree(name: str) -> None:
    assert Path(str(importlib.import_module(name).__file__)).parent == ROOT / name


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("sdl", ("torch", "prefect", "pandas", "opentrons", "numpy")),
        ("sdl.cli", ("torch", "prefect", "pandas", "botorch", "sqlalchemy")),
        ("models", ("torch", "botorch", "gpytorch", "pandas")),
        ("sdl.config.load", ("torch", "prefect", "pandas", "scipy.stats", "httpx")),
        ("sdl.progress", ("torch", "prefect", "pandas", "scipy.stats", "plotly")),
    ],
)
def test_importing_one_thing_does_not_load_another(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {("torch", "load"), ("yaml", "load"), ("pickle", "loads"), ("pickle", "load"), ("os", "system")}
FORBIDDEN_KEYWORDS = {("shell", True), ("allow_pickle", True)}


def forbidden(tree: ast.AST) -> list[str]:
    """Name every call that could run what a file says."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            found += [n for n in names if n.split(".")[0] in ("pickle", "marshal", "shelve", "dill")]
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                found.append(node.func.id)
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                called = (node.func.value.id, node.func.attr)
                found += [node.func.attr] if called in FORBIDDEN_ATTRIBUTES else []
            for keyword in node.keywords:
                if isinstance(keyword.value, ast.Constant) and (keyword.arg, keyword.value.value) in FORBIDDEN_KEYWORDS:
                    found.append(str(keyword.arg))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_runs_what_a_file_says(path: Path) -> None:
    assert forbidden(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "planted",
    ["import pickle", "eval('1')", "torch.load(f)", "yaml.load(f)", "subprocess.run(c, shell=True)", "exec(c)"],
)
def test_the_check_itself_sees_what_is_planted(planted: str) -> None:
    assert forbidden(ast.parse(planted))


def test_every_module_says_what_it_owns() -> None:
    bare = [str(p.relative_to(ROOT)) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text("utf-8")))]
    assert bare == []

"""Prints "MODULE NAME" for every public name at the top of every module of the standard library, and for the
methods of its classes; with --installed, of the packages that are installed beside it.

Modules in Python are parsed, not imported, so that nothing runs; those in C are imported.
"""

import ast
import importlib
import os
import sys
import sysconfig

LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "turtledemo"}
LEFT_OUT |= {"site-packages", "dist-packages", "__pycache__"}
C_MODULES = {"_ctypes", "_posixsubprocess", "_pickle", "_socket", "array"}


def names_in(tree):
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{part.name}" for part in node.body
                        if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def python_modules(root, left_out=frozenset(LEFT_OUT)):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - left_out)
        package = os.path.relpath(folder, root).replace(os.sep, ".").strip(".")
        for file in sorted(files):
            if not file.endswith(".py"):
                continue
            name = ".".join(part for part in (package, file[:-3]) if part and part != "__init__")
            with open(os.path.join(folder, file), "rb") as source:
                try:
                    yield name, set(names_in(ast.parse(source.read())))
                except (SyntaxError, ValueError, RecursionError):
                    continue


def c_modules():
    for name in sorted(set(sys.builtin_module_names) | C_MODULES):
        try:
            yield name, set(dir(importlib.import_module(name)))
        except ImportError:
            continue


def installed_modules():
    roots = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")} | {"/usr/lib/python3/dist-packages"}
    for root in sorted(roots):
        yield from python_modules(root, {"__pycache__"})


def main():
    seen = set()
    libraries = (c_modules(), python_modules(sysconfig.get_path("stdlib")))
    for modules in (installed_modules(),) if "--installed" in sys.argv else libraries:
        for module, names in modules:
            seen.update((module, name) for name in names if not name.startswith("_") or module == "builtins")
    for module, name in sorted(seen):
        print(module, name)


main()

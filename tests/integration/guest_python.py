# SPDX-License-Identifier: BSD-2-Clause
"""This Python for a guest: the interpreter, the modules that the doctor imports, and their libraries.

The guest gets compiled modules, because compiling them takes an emulated guest most of the time.
"""

import importlib.util
import json
import os
import py_compile
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

from scaffold.vmtest import elf, initramfs

LIBRARY = Path(sysconfig.get_path("stdlib"))
PYTHON = Path(os.path.realpath(sys.executable))
# Prints the files of all modules that the doctor and the commands that it runs import.
IMPORTED = """
import json, runpy, sys
import encodings.ascii, encodings.latin_1, encodings.utf_8, zipimport, vmtest.probe
sys.argv[1:] = ["--json"]
try:
    runpy.run_module("doctor", run_name="__main__")
except SystemExit:
    pass
print(json.dumps([module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]))
"""


@cache
def python_entries(repository: Path) -> tuple[initramfs.Entry, ...]:
    """Return Python as bin/python3 of a guest, with the modules that the doctor of `repository` imports."""
    environment = {**os.environ, "PYTHONPATH": "tools:test"}
    command = [sys.executable, "-B", "-c", IMPORTED]
    completed = subprocess.run(command, cwd=repository, env=environment, check=True, capture_output=True, text=True)
    files = [Path(name) for name in json.loads(completed.stdout.splitlines()[-1])]
    modules = [path for path in files if path.is_relative_to(LIBRARY)]
    extensions = [path for path in modules if path.suffix == ".so"]
    entries = [initramfs.host_file(PYTHON, str(PYTHON).lstrip("/")), initramfs.symlink("bin/python3", str(PYTHON))]
    entries += [_compiled(path) for path in modules if path.suffix == ".py"]
    entries += [initramfs.host_file(path, str(path).lstrip("/")) for path in (*extensions, *_loaded(extensions))]
    return (*entries, *initramfs.libraries(PYTHON))


def _compiled(source: Path) -> initramfs.Entry:
    """Return the compiled module in place of its source; Python does not check its age then."""
    cached = Path(importlib.util.cache_from_source(str(source)))
    target = str(source.with_suffix(".pyc")).lstrip("/")
    if cached.exists():
        return initramfs.host_file(cached, target)
    with tempfile.TemporaryDirectory() as directory:
        compiled = py_compile.compile(str(source), f"{directory}/module.pyc", doraise=True)
        return initramfs.host_file(Path(str(compiled)), target)


def _loaded(extensions: list[Path]) -> set[Path]:
    """Return the libraries that the extension modules load."""
    loader = elf.interpreter(PYTHON.read_bytes())
    assert loader
    libraries = set()
    for path in extensions:
        listing = subprocess.run([loader, "--list", str(path)], check=True, capture_output=True, text=True).stdout
        libraries |= {Path(name) for name in initramfs.parse_library_list(listing)}
    return libraries

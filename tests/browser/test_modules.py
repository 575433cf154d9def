"""The modules of gateway/www keep their promises, run by node without a browser or a server."""

import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parent.parent / "gateway" / "www"


@pytest.mark.parametrize("tests", [
    "socket_module.mjs", "client_module.mjs", "web_state.mjs", "web_histories.mjs", "web_rows.mjs", "web_text.mjs",
    "web_strings.mjs", "web_session.mjs", "web_renewal.mjs", "web_deleted.mjs",
])
def test_the_module_behaves_as_documented(tests, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the modules are not tested on their own")
    for path in (*HERE.glob("*.mjs"), *MODULES.glob("messenger-*.js")):
        shutil.copy(path, tmp_path)
    shutil.copytree(MODULES / "client", tmp_path / "client")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run = subprocess.run([node, tests], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                         check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def imported(path, found):
    """The modules that one imports before it runs, itself included."""
    found.add(path)
    for name in re.findall(r'^(?:import|export)\b[^;]*?from "(\.[^"]+)"', path.read_text(), re.M | re.S):
        module = (path.parent / name).resolve()
        if module not in found:
            imported(module, found)
    return found


def test_the_page_of_the_web_client_preloads_every_module_it_needs():
    """So that they are fetched at once, and not one level of imports after the other."""
    page = (MODULES / "client" / "index.html").read_text()
    named = re.findall(r'<link rel="modulepreload" href="/assets/([^"]+)">', page)
    needed = [str(path.relative_to(MODULES)) for path in imported(MODULES / "client" / "main.js", set())]
    assert sorted(named) == sorted(needed)

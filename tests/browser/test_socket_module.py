"""messenger-socket.js keeps its promises, run by node without a browser or a server."""

import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
MODULE = HERE.parent.parent / "gateway" / "www" / "messenger-socket.js"


def test_the_socket_module_keeps_its_promises():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the socket module is not tested on its own")
    run = subprocess.run(
        [node, str(HERE / "socket_module.mjs"), str(MODULE)],
        capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr

"""The accessibility checker axe-core, fetched by npm once."""

import json
import os
import pathlib
import shutil
import subprocess

from support.process import REPOSITORY

HERE = pathlib.Path(__file__).resolve().parent
AXE_DIRECTORY = REPOSITORY / "build" / "axe"
NPM_TIMEOUT_S = 60


def pinned_version():
    return json.loads((HERE / "package.json").read_text())["devDependencies"]["axe-core"]


def installed_version():
    try:
        return json.loads((AXE_DIRECTORY / "node_modules/axe-core/package.json").read_text())["version"]
    except FileNotFoundError:
        return None


def install_axe():
    """Returns why it could not be installed, or None."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    AXE_DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, AXE_DIRECTORY)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1",
               "--fetch-timeout", "20000"]
    try:
        run = subprocess.run(command, cwd=AXE_DIRECTORY, env={**os.environ, "npm_config_update_notifier": "false"},
                             capture_output=True, text=True, timeout=NPM_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm did not end within {NPM_TIMEOUT_S} s"
    return None if run.returncode == 0 else "npm could not fetch it"


def findings(driver, axe_source):
    """What axe-core finds in the page as it is: (rule, severity, the first elements) each."""
    if not driver.execute_script("return Boolean(window.axe)"):
        driver.execute_script(axe_source)
    result = driver.execute_async_script("""
        const [done] = arguments;
        axe.run(document, { resultTypes: ["violations"] }).then(done, (error) => done(String(error)));
        """)
    assert len(result["passes"]) > 10, result
    return [(found["id"], found["impact"], [node["html"] for node in found["nodes"]][:3])
            for found in result["violations"]]


def axe_text():
    return (AXE_DIRECTORY / "node_modules/axe-core/axe.min.js").read_text()

"""messengerctl as the administrator calls it, on a stack with authorisation."""

import json
import subprocess

from support.process import binary, clean_environment
from support.wait import PATIENCE_SECONDS


def run(*arguments, cwd=None, **env):
    """Of an environment without settings but these."""
    kept = {name: value for name, value in clean_environment().items() if name != "DATA_DIR"}
    words = [word if isinstance(word, bytes) else str(word) for word in arguments]
    return subprocess.run([binary("messengerctl"), *words], cwd=cwd, capture_output=True,
                          env={**kept, **{name: str(value) for name, value in env.items()}},
                          timeout=PATIENCE_SECONDS)


def environment(stack, user="admin"):
    return {"MESSENGER_NATS_URL": f"nats://127.0.0.1:{stack.nats_port}", "MESSENGER_NATS_USER": user,
            "MESSENGER_NATS_PASSWORD_FILE": stack.secret_file(f"nats_{user}")}


def ctl(stack, *arguments, **env):
    """The output of a command that succeeds."""
    done = run(*arguments, **{**environment(stack), **env})
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return done.stdout.decode()


def objects(stack, *arguments):
    return [json.loads(line) for line in ctl(stack, *arguments, "--json").splitlines()]


def refused(stack, *arguments, **env):
    """The one line of a command that fails."""
    return one_line(run(*arguments, **{**environment(stack), **env}))


def one_line(done):
    assert (done.returncode, done.stdout) == (1, b""), (done.returncode, done.stdout)
    line, = done.stderr.decode().splitlines()
    assert line.startswith("messengerctl: ")
    return line

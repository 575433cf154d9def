"""Runs one attack of attacks.py in a process of its own, with the lowest priority: what is tested is what the messenger
does to its users under attack, not how the machine shares its processors between it and the attacker.

    attacker.py ATTACK PORT      settings of the attack as JSON in the first line of the input; then "on", "off"...

Answers each line with "ok", "seen" once the attack was answered as it must be; at the end one JSON line: how the attack
was answered, and how often."""

import json
import os
import pathlib
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from hostile import attacks  # noqa: E402
from support.wait import wait_until  # noqa: E402

NICE = 15


class Attacker:
    """For tests."""

    def __init__(self, attack, port, **settings):
        argv = [sys.executable, __file__, attack, str(port)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         preexec_fn=lambda: os.nice(NICE))
        self._say(json.dumps(settings))
        self.answers = {}

    def _say(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer == "ok\n", f"the attacker has ended: {answer!r}"

    def begin(self):
        self._say("on")

    def pause(self):
        self._say("off")

    def go_on_until_answered(self):
        self.begin()
        self._say("seen")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.stdin.close()
        lines = self._process.stdout.read().splitlines()
        self._process.wait()
        self.answers = json.loads(lines[-1]) if lines else {}


def main():
    attack = getattr(attacks, sys.argv[1])(int(sys.argv[2]), **json.loads(sys.stdin.readline()))
    print("ok", flush=True)
    threads = [threading.Thread(target=attack.work, args=(number,), daemon=True) for number in range(attack.THREADS)]
    for thread in threads:
        thread.start()
    orders = {"on": attack.begin, "off": attack.pause,
              "seen": lambda: wait_until(lambda: attack.SEEN <= set(attack.answers()), lambda: str(attack.answers()))}
    for line in sys.stdin:
        orders[line.strip()]()
        print("ok", flush=True)
    attack.end()
    for thread in threads:
        thread.join(20)
    print(json.dumps(attack.answers()), flush=True)


if __name__ == "__main__":
    main()

"""A program that ends is reported, unless it was started without the server of its store; it is started again."""

import pytest

from chaos.site import Site


class Program:
    name, exit_code, starts = "message-0", None, 0

    def start(self):
        self.exit_code, self.starts = None, self.starts + 1

    def log(self):
        return ""


class Bare(Site):
    """Without a messenger."""

    def __init__(self, store_is_down):  # pylint: disable=super-init-not-called
        self.findings = []
        self._store_is_down, self._started_without_store = store_is_down, set()

    def report(self, check, where, detail):
        self.findings.append(check)


@pytest.mark.parametrize("store_is_down, code, findings", [
    (False, 1, ["crash"]), (False, 0, ["crash"]), (False, -11, ["crash"]),
    (True, 1, []), (True, 0, ["crash"]), (True, -11, ["crash"]),
])
def test_a_program_that_ends(store_is_down, code, findings):
    site, program = Bare(store_is_down), Program()
    site._start(program)
    program.exit_code = code
    site._restart_ended(program)
    assert (site.findings, program.starts, program.exit_code) == (findings, 2, None)


def test_a_program_that_ends_later_for_another_reason():
    site, program = Bare(store_is_down=True), Program()
    site._start(program)
    site._store_is_down = False
    site._start(program)
    program.exit_code = 1
    site._restart_ended(program)
    assert site.findings == ["crash"]

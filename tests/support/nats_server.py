"""The versions of nats-server that tests run on: Debian's, and a current one, built from its Go module."""

from support.go_program import NoProgram, build_go_program

INSTALLED, CURRENT = "installed", "current"
CURRENT_VERSION = "v2.15.3"


class NoServer(Exception):
    """That version is not available; the text is the reason."""


def find_server(version):
    """The path of a program; raises NoServer."""
    if version == INSTALLED:
        return "nats-server"
    try:
        return build_go_program("nats-server", "github.com/nats-io/nats-server/v2", CURRENT_VERSION)
    except NoProgram as why:
        raise NoServer(f"no nats-server of today: {why}") from None

"""Free ports outside the kernel's range for outgoing connections.

A port from bind(0) may be handed to somebody's outgoing connection between our close and the
program's bind, or while the program is down between kill and restart. Ports below that range
are only taken by who asks for them by number.
"""

import random
import socket

LOWEST, HIGHEST = 12000, 32000
_random = random.SystemRandom()
_handed_out = set()


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    for _ in range(1000):
        port = _random.randint(LOWEST, HIGHEST)
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    raise RuntimeError("no free port found")

"""Free ports outside the kernel's range for outgoing connections.

A port from bind(0) may be handed to somebody's outgoing connection between our close and the
program's bind, or while the program is down between kill and restart. Ports below that range
are only taken by who asks for them by number. Test runs that go on side by side have a block
of them each: its first port is bound as long as the run goes on, and marks it as taken.
"""

import socket

LOWEST, HIGHEST, BLOCK = 10240, 32000, 256
_block = None
_next = 0


def _bind(port):
    """A socket bound to the port, or None if it is not free."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        return None
    bound.listen()  # without that, SO_REUSEADDR would let another one bind it, too
    return bound


def _take_block():
    global _block
    for first in range(LOWEST, HIGHEST, BLOCK):
        _block = _bind(first)
        if _block is not None:
            return
    raise RuntimeError("no block of ports is free")


def free_port():
    """Each port of the block in turn: one that a test has used rests as long as can be."""
    global _next
    if _block is None:
        _take_block()
    for _ in range(BLOCK - 1):
        port = _block.getsockname()[1] + 1 + _next
        _next = (_next + 1) % (BLOCK - 1)
        probe = _bind(port)
        if probe is not None:
            probe.close()
            return port
    raise RuntimeError("no free port found")

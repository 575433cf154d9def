"""The messages of proto/ by their names, from the files themselves."""

import functools
import re
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from support.process import REPOSITORY


@functools.cache
def _pool():
    with tempfile.NamedTemporaryFile() as made:
        files = sorted(path.name for path in (REPOSITORY / "proto").glob("*.proto"))
        subprocess.run(["protoc", "-I", REPOSITORY / "proto", f"--descriptor_set_out={made.name}", *files], check=True)
        described = descriptor_pb2.FileDescriptorSet.FromString(made.read())
    pool, left = descriptor_pool.DescriptorPool(), {file.name: file for file in described.file}
    while left:  # a file follows those that it imports
        for name in [name for name, file in left.items() if not left.keys() & set(file.dependency)]:
            pool.Add(left.pop(name))
    return pool


def message(name, fields=None):
    """A new message of this type of the package `messenger`."""
    kind = message_factory.MessageFactory(_pool()).GetPrototype(_pool().FindMessageTypeByName(f"messenger.{name}"))
    return kind(**(fields or {}))


def parse(name, data):
    made = message(name)
    made.ParseFromString(data)
    return made


def methods():
    """The type of the request of each method, by its subject: from the services' tables."""
    found = {}
    for path in sorted((REPOSITORY / "services").glob("*/handlers*.c")):
        service = "admin" if path.stem == "handlers_admin" else path.parent.name
        for name, kind in re.findall(r'^    \{ "(\w+)", &messenger__(\w+)__descriptor', path.read_text(), re.MULTILINE):
            found[f"rpc.{service}.{name}"] = "".join(word.capitalize() for word in kind.split("_"))
    return found

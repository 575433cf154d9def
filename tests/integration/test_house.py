"""The structure of docs/architecture.md: a file includes downwards only, and no files form a circle."""

import pathlib
import re
import statistics
import subprocess

import pytest

from support.process import REPOSITORY

# From the top: a folder includes only folders below it, and those of one line do not include each other.
GATEWAY = [
    ["gateway/main.c"],
    ["gateway/client_socket"],
    ["gateway/api/", "gateway/http/"],
    ["gateway/push/"],
    ["gateway/socket/", "gateway/edge/", "gateway/image/", "gateway/limits/", "gateway/json/"],
]
COMMON = [
    ["services/common/process/"],
    ["services/common/rpc/"],
    ["services/common/bus/", "services/common/store/"],
    ["services/common/base/"],
]

USER = [
    ["services/user/"],
    ["services/user/mail/"],
    ["services/user/access/"],
    ["services/user/user_service.h"],
    ["services/user/announcer", "services/user/audit/", "services/user/login/", "services/user/rules/"],
    ["services/user/store/"],
]
MESSENGERCTL = [
    ["services/messengerctl/main.c"],
    ["services/messengerctl/admin/", "services/messengerctl/doctor/", "services/messengerctl/stores/"],
    ["services/messengerctl/"],
]


def service(name):
    home = f"services/{name}/"
    return [[home], [home + "store/"], [home + "store/sqlite/", home + "store/mongo/"]]


# The struct with everything that a folder may use of the others: for that folder and main.c.
CONTEXTS = {
    "gateway/api/api_context.h": "gateway/api/",
    "gateway/http/http_site.h": "gateway/http/",
    "gateway/client_socket.h": "gateway/client_socket",
}


def sources():
    listed = subprocess.run(["git", "ls-files", "services", "gateway"], cwd=REPOSITORY, text=True,
                            capture_output=True, check=True).stdout.split()
    return [path for path in listed if path.endswith((".c", ".h"))]


def read(path):
    return (REPOSITORY / path).read_text()


def includes(path):
    return re.findall(r'^#include "([^"]+)"', read(path), re.MULTILINE)


def floor(path, floors):
    """The number of the lowest floor that holds the path, and the folder."""
    found = [(number, folder) for number, folders in enumerate(floors) for folder in folders if path.startswith(folder)]
    return max(found, key=lambda pair: len(pair[1])) if found else None


def upwards(floors):
    """Includes of a folder above, or beside, by a file of these folders."""
    for path in sources():
        here = floor(path, floors)
        for header in includes(path) if here else ():
            there = floor(header, floors)
            if there and here[1] != there[1] and there[0] <= here[0]:
                yield path, header


@pytest.mark.parametrize("floors", [GATEWAY, COMMON, USER, MESSENGERCTL], ids=["gateway", "common", "user", "messengerctl"])
def test_a_folder_includes_only_folders_below(floors):
    assert list(upwards(floors)) == []


@pytest.mark.parametrize("name", ["user", "message"])
def test_a_store_knows_nothing_of_its_service_and_an_engine_nothing_of_the_other(name):
    # An engine knows what it takes and returns, and the shape of its table; the front knows the tables.
    front = {f"services/{name}/store/{name}_data.h", f"services/{name}/store/{name}_store_kind.h"}
    assert [(path, header) for path, header in upwards(service(name)) if header not in front] == []


def test_shared_code_includes_no_service():
    outside = [(path, header) for path in sources() if path.startswith("services/common/")
               for header in includes(path) if "/" in header and not header.startswith("services/common/")]
    assert outside == []


def modules():
    """module -> modules it uses; a .c and its .h are one module."""
    uses = {}
    for path in sources():
        module = str(pathlib.PurePath(path).with_suffix(""))
        uses.setdefault(module, set()).update(
            str(pathlib.PurePath(header).with_suffix("")) for header in includes(path))
        uses[module].discard(module)
    return uses


def test_no_files_form_a_circle():
    uses, done, circles = modules(), set(), []

    def visit(module, path):
        if module in path:
            circles.append(path[path.index(module):] + [module])
        elif module not in done:
            for used in sorted(uses.get(module, ())):
                visit(used, path + [module])
            done.add(module)
    for module in sorted(uses):
        visit(module, [])
    assert circles == []


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_context_is_for_its_folder_and_for_main(context):
    outside = [path for path in sources() if context in includes(path)
               and path != "gateway/main.c" and not path.startswith(CONTEXTS[context])]
    assert outside == []


def test_the_engines_of_a_store_have_the_same_files():
    """An engine may have more, for work that only it has to do."""
    for name, same in (("user", "store writes updates reads search pages"), ("message", "store writes reads changes copy")):
        for engine in ("sqlite", "mongo"):
            for file in same.split():
                assert (REPOSITORY / f"services/{name}/store/{engine}/{file}.c").is_file()


def test_the_tests_of_a_file_lie_where_the_file_lies():
    unit = REPOSITORY / "tests/unit"
    for test in unit.rglob("test_*.c"):
        folder = test.parent.relative_to(unit)
        assert any((REPOSITORY / top / folder).is_dir() for top in ("", "services", "tests")), test


def test_every_source_lies_where_the_makefile_looks():
    """Three levels of folders; programs of unit tests have one folder, so their names must differ."""
    roots = [f"services/{part.name}" for part in (REPOSITORY / "services").iterdir() if part.is_dir()]
    for root in [*roots, "gateway", "tests/unit"]:
        assert all(len(path.relative_to(REPOSITORY / root).parts) <= 3 for path in (REPOSITORY / root).rglob("*.c"))
    names = [path.name for path in (REPOSITORY / "tests/unit").rglob("test_*.c")]
    assert len(names) == len(set(names))


def test_a_path_in_a_comment_exists():
    text = subprocess.run(["git", "grep", "-noE", r"\b(services|gateway)/[a-z_0-9/]*[a-z0-9]\b[.*{<]?", "--", "*.c", "*.h"],
                          cwd=REPOSITORY, text=True, capture_output=True, check=True).stdout.split()
    named = {line.rsplit(":", 1)[1] for line in text}
    assert [path for path in named if path[-1].isalnum()
            and not any((REPOSITORY / (path + end)).exists() for end in ("", ".c", ".h"))] == []


def test_a_guard_is_named_by_its_path():
    for path in sources():
        if path.endswith(".h"):
            guard = re.sub(r"\W", "_", path.removeprefix("services/")).upper()
            assert f"#ifndef {guard}\n#define {guard}\n" in read(path), path


# --- sizes ------------------------------------------------------------------------------------------

def functions(path):
    """The lines of each function between its braces."""
    return [match.group(1).count("\n") for match in
            re.finditer(r"^[a-z][^;{}\n]*\([^;{}]*\)\n\{\n(.*?)^\}", read(path), re.MULTILINE | re.DOTALL)]


def test_functions_are_short_and_files_have_one_subject():
    lengths = [length for path in sources() for length in functions(path)]
    assert len(lengths) > 1500
    assert statistics.median(lengths) <= 10
    assert statistics.quantiles(lengths, n=10)[-1] <= 40
    assert {path: lines for path in sources() if (lines := len(read(path).splitlines())) > 500} == {}


# --- names ------------------------------------------------------------------------------------------

# Vocabulary headers: what they declare is used everywhere, so their names are short.
SHORT = {
    "services/common/base/memory.h": "x",
    "services/common/base/json_writer.h": "json_",
    "services/common/rpc/rpc_client.h": "rpc_",
    "services/common/store/mongo_db.h": "mongo_",
    "services/common/store/mongo_document.h": "mongo_",
    "services/common/store/sqlite_db.h": "sqlite_",
    "services/message/store/message_data.h": "(message|dialog|change)_",
    "services/message/store/mongo/documents.h": "(dialog_documents?_|message_document)",
    "services/message/store/sqlite/rows.h": "row_",
    "gateway/http/http_request.h": "http_",
}


def declared(path):
    """The functions that a header declares, and the structs that it names."""
    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.DOTALL)
    structs = re.findall(r"^(?:struct|typedef [^(;]*) (\w+)\b", text, re.MULTILINE)
    for _ in range(3):
        text = re.sub(r"\{[^{}]*\}", "", text)
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("#", "typedef")))
    text = re.sub(r"__attribute__\(\(.*?\)\)", "", text)
    return re.findall(r"(?:^|[\s*])(\w+)\([^()]*(?:\([^()]*\)[^()]*)*\)\s*(?:MUST_CHECK|PRINTF_LIKE\(\d, \d\))?\s*(?:;|$)",
                      text, re.MULTILINE), structs


def test_a_function_of_a_header_begins_with_the_name_of_the_file_or_of_its_struct():
    """Of a store's engine also: with the service, the engine and the file."""
    odd = []
    for path in sources():
        if not path.endswith(".h"):
            continue
        engine = re.fullmatch(r"services/(\w+)/store/(sqlite|mongo)/(\w+)\.h", path)
        names, structs = declared(path)
        begin = "|".join([pathlib.PurePath(path).stem, *structs, "_".join(engine.groups()) if engine else r"\Z.",
                          SHORT.get(path, r"\Z.")])
        odd += [(path, name) for name in names if not re.match(begin, name)]
    assert odd == []

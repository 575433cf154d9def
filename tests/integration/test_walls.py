"""The walls of the layout: each library is known in one place, and no service reaches into another."""

import re
import subprocess

import pytest

from support.process import REPOSITORY

# header of the library -> the only files that may include it
LIBRARIES = {
    r"civetweb\.h": r"gateway/http/http_civetweb\.h",
    r"cjson/": r"services/common/base/json\.c",
    # The floor that messages are measured against is NATS without our bus.
    r"nats(/nats)?\.h": r"(services/common/bus/bus\w*\.[ch]|tests/bench/floor\.c)",
    r"jwt\.h": r"services/common/base/token\.c",
    r"argon2\.h": r"services/user/login/password\.c",
    r"sqlite3\.h": r"(services/\w+/store/(sqlite/\w+|sqlite_\w+)|tests/bench/\w*sqlite)\.[ch]",
    r"mongoc": r"services/\w+/store/(mongo/\w+|mongo_\w+)\.[ch]",
    r"gd\.h": r"gateway/image/avatar\.c",
    r"avif/": r"gateway/image/avif_file\.c",
    r"utf8proc\.h": r"services/(common/base/text|user/rules/(user|name)_rules)\.c",
    r"curl/": r"services/user/mail/smtp\.c",
    r"openssl/": r"services/common/base/(id|ssl_hook)\.c",
}


# who may include headers of another service: which, and why
EXCEPTIONS = {
    # It moves an installation, and so is made to hold the stores of both.
    "messengerctl": {"services/user/store/user_store.h", "services/message/store/message_store.h"},
    # It fills both stores, and measures what a log-in's hash costs.
    "bench": {"services/user/store/user_store.h", "services/user/login/password.h", "services/message/store/message_store.h"},
}


def sources():
    listed = subprocess.run(["git", "ls-files", "services", "gateway", "tests/bench"], cwd=REPOSITORY, text=True,
                            capture_output=True, check=True).stdout.split()
    return [path for path in listed if path.endswith((".c", ".h"))]


def home_of(path):
    """gateway, or the folder below services/ or tests/."""
    parts = path.split("/")
    return "gateway" if parts[0] == "gateway" else parts[1]


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', (REPOSITORY / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_included_in_its_one_place(library):
    outside = [path for path in sources() for header in includes(path)
               if re.match(library, header) and not re.fullmatch(LIBRARIES[library], path)]
    assert not outside


def test_only_the_wire_packs_and_unpacks():
    outside = [path for path in sources() if path != "services/common/rpc/wire.c"
               and re.search(r"\bprotobuf_c_message_\w+\(|__(un)?pack\(|__get_packed_size\(",
                             (REPOSITORY / path).read_text())]
    assert not outside


def test_services_do_not_include_each_other_the_gateway_or_a_test():
    outside = []
    for path in sources():
        home = home_of(path)
        for header in includes(path):
            if header.startswith(("gateway/", "tests/")) and home_of(header) != home:
                outside.append((path, header))
            if (re.match(r"services/(?!common/)", header) and home_of(header) != home
                    and header not in EXCEPTIONS.get(home, ())):
                outside.append((path, header))
    assert not outside


def test_no_forgetful_string_functions():
    forbidden = re.compile(r"\b(atoi|atol|atof|sprintf|vsprintf|strcpy|strcat|gets|strncpy)\s*\(")
    found = [(path, match.group()) for path in sources()
             for match in forbidden.finditer((REPOSITORY / path).read_text())]
    assert not found

"""gateway/http/make_assets.sh and the rule that runs it: what lies below gateway/www is what is built in."""

import gzip
import os
import re
import shutil
import subprocess
import time

import pytest

from support.process import REPOSITORY, clean_environment
from support.wait import PATIENCE_SECONDS

SCRIPT = REPOSITORY / "gateway/http/make_assets.sh"
PAGE = '<script src="/assets/a/b.js"></script><link href="/assets/c.css">'
TEXT = "a long text, " * 100


class Tree:
    """A folder with the Makefile, the script and a gateway/www of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.www = folder / "gateway/www"
        self.out = folder / "build/gen/assets"
        (folder / "gateway/http").mkdir(parents=True)
        shutil.copy(REPOSITORY / "Makefile", folder)
        shutil.copy(SCRIPT, folder / "gateway/http")
        self.write("page.html", PAGE)
        self.write("a/b.js", TEXT)

    def write(self, name, text):
        path = self.www / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def make(self, *options):
        return subprocess.run(["make", *options, "build/gen/assets/stamp"], cwd=self.folder, env=clean_environment(),
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    def build(self):
        done = self.make()
        assert done.returncode == 0, done.stderr
        assert self.is_up_to_date()
        return self

    def grow_old(self):
        """So that a change is later than the last build, not of the same tick of the clock."""
        now = time.time()
        for path in (self.folder, *self.folder.rglob("*")):
            os.utime(path, (now - 100, now - 100))
        os.utime(self.out / "stamp", (now - 50, now - 50))
        assert self.is_up_to_date()

    def is_up_to_date(self):
        return self.make("-q").returncode == 0

    def table(self):
        return (self.out / "assets_table.c").read_text()

    def names(self):
        return re.findall(r'^    { "([^"]+)",$', self.table(), re.MULTILINE)

    def hash(self):
        return re.search(r'assets_made = { "([0-9a-f]{16})", files, (\d+) };', self.table()).group(1)

    def served(self, name):
        return (self.out / "files" / name).read_bytes()


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_every_file_is_in_the_table_and_hidden_ones_are_not(tree):
    tree.write(".b.js.swp", "an editor's")
    tree.write("a/.git/x.unknown", "hidden with its folder")
    assert tree.build().names() == ["a/b.js", "page.html"]


def test_a_file_that_is_added_changed_or_removed_is_noticed(tree):
    def hash_after(change, *arguments):
        tree.grow_old()
        change(*arguments)
        assert not tree.is_up_to_date()
        return tree.build().hash()
    first = tree.build().hash()
    hashes = [first, hash_after(tree.write, "c.css", "p { margin: 0 }"), hash_after(tree.write, "c.css", "p { margin: 1px }"),
              hash_after((tree.www / "c.css").rename, tree.www / "a/d.css")]
    assert len(set(hashes)) == len(hashes)
    assert tree.names() == ["a/b.js", "a/d.css", "page.html"]
    assert hash_after((tree.www / "a/d.css").unlink) == first
    assert tree.names() == ["a/b.js", "page.html"]


def test_the_hash_depends_on_names_and_contents_alone(tree, tmp_path_factory):
    other = Tree(tmp_path_factory.mktemp("other"))
    for path in other.www.rglob("*"):
        os.utime(path, (1, 1))
    assert tree.build().hash() == other.build().hash()
    assert tree.table().replace(str(tree.folder), "") == other.table().replace(str(other.folder), "")
    other.grow_old()
    (other.www / "a/b.js").rename(other.www / "a/c.js")
    assert tree.hash() != other.build().hash()


def test_pages_and_manifests_refer_to_the_files_below_the_hash(tree):
    tree.write("x.webmanifest", '{"src": "/assets/i.svg"}')
    tree.write("i.svg", "/assets/ stays")
    tree.write("x.js", "/assets/ stays")
    new = f"/assets/{tree.build().hash()}/"
    assert tree.served("page.html").decode() == PAGE.replace("/assets/", new)
    assert tree.served("x.webmanifest").decode() == '{"src": "%si.svg"}' % new
    assert tree.served("i.svg") == tree.served("x.js") == b"/assets/ stays"
    assert gzip.decompress(tree.served("page.html.gz")) == tree.served("page.html")


def test_a_compressed_form_is_kept_where_it_is_smaller(tree):
    tree.write("short.txt", "short")
    tree.write("random.ico", os.urandom(1000))
    tree.write("picture.png", TEXT)
    tree.build()

    def codings(name):
        row = re.search(r'{ "%s",(.*?)\n      } }' % re.escape(name), tree.table(), re.DOTALL).group(1)
        return re.findall(r"\[CODING_(\w+)\] = { \w+, (\d+), ", row)
    assert [coding for coding, _ in codings("a/b.js")] == ["IDENTITY", "GZIP", "BR"]
    for name in ("random.ico", "picture.png"):
        assert [coding for coding, _ in codings(name)] == ["IDENTITY"]
    assert "GZIP" not in dict(codings("short.txt"))
    sizes = dict(codings("a/b.js"))
    assert sizes == {"IDENTITY": str(len(TEXT)), "GZIP": str(len(tree.served("a/b.js.gz"))), "BR": str(len(tree.served("a/b.js.br")))}


@pytest.mark.parametrize("name, reason", {
    "a/x.unknown": "gateway/www/a/x.unknown: no type is known for this suffix", "README": "README: no type is known",
    "a.js.gz": "a.js.gz: no type is known", "a b.js": "letters, digits and ._- only: gateway/www/a b.js",
    "ä.js": "letters, digits and ._- only", "a$b.js": "letters, digits and ._- only", 'a".js': "letters, digits and ._- only",
    "a\nb.js": "letters, digits and ._- only", "c d/x.js": "letters, digits and ._- only: gateway/www/c d"}.items(), ids=ascii)
def test_a_name_that_cannot_be_served_stops_the_build(tree, name, reason):
    tree.write(name, "x")
    for _ in range(2):  # and the next build, too
        done = tree.make()
        assert done.returncode != 0 and reason in done.stderr
    next(path for path in tree.www.rglob("*") if path.is_file() and path.read_bytes() == b"x").unlink()
    shutil.rmtree(tree.www / "c d", ignore_errors=True)
    tree.build()

"""messengerctl copies an installation to another store, and compares two."""

import contextlib
import shutil
import sqlite3
import subprocess

import pytest
import requests

from chaos.shim import Shim
from support.client import Socket, User, error_name, leave, login, send, token_of, uploaded_name
from support.images import png
from support.mongo import mongo_server
from support.process import binary, clean_environment
from support.proxy import Proxy
from support.stack import Stack
from support.wait import PATIENCE_SECONDS, pass_time, wait_until

TIMEOUT = 240
LONG = 50000  # messages: a hundred commits of a copy


def ctl(*arguments):
    """Runs messengerctl to its end."""
    return subprocess.run([binary("messengerctl"), *map(str, arguments)], env=clean_environment(),
                          capture_output=True, text=True, timeout=TIMEOUT)


def copy(source, target):
    done = ctl("store", "copy", source, target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("done\n") and done.stderr == ""
    return done.stdout


def verify(one, other):
    """Its output when the two are the same."""
    done = ctl("store", "verify", one, other)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A and B hold the same" in done.stdout and done.stderr == ""
    return done.stdout


def url(directory):
    return f"sqlite://{directory}"


def on(installation):
    """The settings of a stack that uses it."""
    if installation.startswith("mongodb"):
        return {"store.users": installation, "store.messages": installation}
    return {"store.users": installation + "/users.db", "store.messages": installation + "/messages.db"}


# An installation with a history, made by the programs themselves

class History:
    """People on a stack, and what each of them sees of it."""

    def __init__(self, directory):
        self.directory = directory
        with Stack(settings=on(url(directory))) as stack:
            self.jwt_key = stack.jwt_key
            self.people = [User(stack, firstName="Zoé" if i else "Ann") for i in range(4)]
            self.talk()
            self.seen = [self.look(stack, person) for person in self.people]
            self.left = self.people[1].login()
            assert leave(stack.url(), self.left).status_code == 200
            for person in self.people:
                person.close()

    def talk(self):
        ann, bob, cid, _ = self.people
        sockets = [person.socket() for person in self.people]
        for i in range(20):
            send(sockets[i % 2], self.people[1 - i % 2], f"to and fro {i} ⚑")
        sockets[1].call("markMessagesWithUserAsRead", [ann.tag])
        send(sockets[2], ann, "hello from Cid", "the id of the client")
        send(sockets[2], bob, "x" * 16384)
        send(sockets[0], bob, "unread")
        self.picture_bytes = png(40, 30)
        self.picture = uploaded_name(ann.upload(self.picture_bytes))
        sockets[0].call("setSelfInfo", ["Anna", "", self.picture])

    def look(self, stack, person):
        """All that a user can read: itself, its dialogs, every message."""
        with Socket(stack.url(), person.token) as socket:
            dialogs = socket.call("getDialogsList", [0, 30])
            for dialog in dialogs:
                dialog["userInfo"].pop("isOnline")
            return (socket.call("getSelfInfo"), dialogs,
                    [socket.call("getMessagesWithUser", [other.tag, 0, 100]) for other in self.people])

    def check(self, installation):
        """A stack on a copy: everything is there, and everything works."""
        with Stack(settings={**on(installation), "JWT.privateKey": self.jwt_key}) as stack:
            base = stack.url()
            assert [self.look(stack, person) for person in self.people] == self.seen
            assert requests.get(f"{base}/img/{self.picture}", timeout=PATIENCE_SECONDS).status_code == 200
            assert login(base, self.people[0].email, "a wrong password").status_code == 401
            token_of(login(base, self.people[0].email, self.people[0].password))
            refused = requests.post(base + "/upload-image", headers={"Cookie": f"auth={self.left}"},
                                    files={"image": ("p.png", self.picture_bytes, "image/png")}, timeout=PATIENCE_SECONDS)
            assert refused.status_code == 401 and error_name(refused) == "NoAuthJWTError"
            self.go_on(base)

    def go_on(self, base):
        ann, bob, cid, _ = self.people
        with Socket(base, cid.token) as cids, Socket(base, ann.token) as anns:
            again = send(cids, ann, "hello from Cid", "the id of the client")
            assert again["seq"] == 1 and not again["isRead"]
            assert anns.call("getDialogsList")[0]["receiverTag"] == bob.tag, "nothing was sent twice"
            assert send(cids, ann, "and more")["seq"] == 2
            assert anns.wait_notification(3001, {"text": "and more"})["seq"] == 2
            assert anns.call("getDialogsList")[0]["unreadIncoming"] == 2


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return History(tmp_path_factory.mktemp("installation"))


@pytest.fixture(scope="module")
def mongo():
    with mongo_server() as server:
        yield server


@pytest.fixture(scope="module")
def copied(history, tmp_path_factory):
    """A copy of the history, to be copied again and spoilt."""
    directory = tmp_path_factory.mktemp("copied") / "made by the copy"
    copy(url(history.directory), url(directory))
    return directory


def test_a_copy_is_the_same(history, copied):
    said = verify(url(history.directory), url(copied))
    assert "users: 4, all the same" in said and "pictures: 1, all the same" in said
    assert "revoked tokens: 1, all the same" in said and "messages: 23, all the same" in said
    assert "dialogs: 6, all the same" in said and "user sequences: 3, all the same" in said
    assert "relations: 0, all the same" in said and "privacy settings: 0, all the same" in said
    assert "sessions: 4, all the same" in said and "invites and reset codes: 0, all the same" in said


def test_the_services_run_on_a_copy(history, copied, tmp_path):
    shutil.copytree(copied, tmp_path / "used")
    history.check(url(tmp_path / "used"))


def test_an_installation_moves_to_mongodb_and_back(history, mongo, tmp_path):
    there = mongo.new_url()
    copy(url(history.directory), there)
    verify(url(history.directory), there)
    copy(there, url(tmp_path / "back"))
    verify(there, url(tmp_path / "back"))
    verify(url(history.directory), url(tmp_path / "back"))
    history.check(url(tmp_path / "back"))
    history.check(there)


def test_mongodb_is_copied_to_mongodb(history, mongo):
    first, second = mongo.new_url(), mongo.new_url()
    copy(url(history.directory), first)
    copy(first, second)
    verify(url(history.directory), second)


def test_a_second_copy_skips_what_is_there(history, copied):
    assert "0 users, 0 pictures, 0 revoked tokens, 0 sessions, 0 dialogs, 0 messages were new; " \
           "0 users had changed" in copy(url(history.directory), url(copied))


def test_additions_to_a_running_installation_are_copied_by_the_next_copy(tmp_path):
    source, target = url(tmp_path / "source"), url(tmp_path / "target")
    with Stack(settings=on(source)) as stack:
        ann, bob = User(stack), User(stack)
        with ann.socket() as anns, bob.socket() as bobs:
            send(anns, bob, "one")
            left = ann.login()
            copy(source, target)
            send(bobs, ann, "two")
            bobs.call("markMessagesWithUserAsRead", [ann.tag])
            send(anns, User(stack), "three")
            anns.call("setSelfInfo", ["Changed", ""])
            leave(stack.url(), left)
            bobs.call("changePassword", [bob.password, "another one"])
            said = copy(source, target)
            assert "1 users, 0 pictures, 1 revoked tokens, 1 sessions, 2 dialogs, 2 messages were new; " \
                   "2 users had changed" in said
            copy(source, target)
            verify(source, target)


# Interruptions

def grow(directory, count):
    """Adds so many messages to the first conversation of an installation that is not in use."""
    with contextlib.closing(sqlite3.connect(directory / "messages.db")) as db, db:
        owner, peer, conversation, last, sent, got = db.execute(
            "SELECT owner, peer, conversation, last_seq, out_count, in_count FROM dialog"
            " WHERE conversation = 1 ORDER BY owner LIMIT 1").fetchone()
        db.executemany(
            "INSERT INTO message (rowid, id, sender, receiver, date_ms, sender_count, text)"
            " VALUES (?, randomblob(12), ?, ?, 4000000000000, ?, ?)",
            (((conversation << 32) + last + i, owner, peer, sent + i, f"grown {i}")
             for i in range(1, count + 1)))
        for one, other, outgoing in ((owner, peer, True), (peer, owner, False)):
            db.execute("UPDATE account SET user_seq = user_seq + ? WHERE id = ?", (count, one))
            db.execute(
                "UPDATE dialog SET last_seq = last_seq + ?1, last_date_ms = 4000000000000,"
                f" {'out_count' if outgoing else 'in_count'} = {'out_count' if outgoing else 'in_count'} + ?1,"
                " mod = (SELECT user_seq FROM account WHERE id = ?2),"
                " last_mod = (SELECT user_seq FROM account WHERE id = ?2)"
                " WHERE owner = ?2 AND peer = ?3", (count, one, other))
    return count


def widen(directory, count):
    """Adds so many users, each with a picture, a revoked token and a message to the first user."""
    numbers = range(1, count + 1)
    with contextlib.closing(sqlite3.connect(directory / "users.db")) as db, db:
        db.executemany("INSERT INTO user (id, key, tag, email, email_key, first_name, last_name, img,"
                       " password_hash) VALUES (randomblob(12), 'w' || ?1, '@W' || ?1, ?1 || '@w.w',"
                       " ?1 || '@w.w', 'W', 'W', ?1 || '.png', 'hash')", ((i,) for i in numbers))
        db.executemany("INSERT INTO image (name, content_type, data) VALUES (?1 || '.png', 'image/png', randomblob(100))",
                       ((i,) for i in numbers))
        db.executemany("INSERT INTO revoked_token VALUES ('w' || ?, 4000000000)", ((i,) for i in numbers))
        db.executemany("INSERT INTO code VALUES (randomblob(12), 1, x'000000000000000000000000', '', 1, 4000000000, ?1,"
                       " x'000000000000000000000000', '')", ((i % 2,) for i in numbers))
        db.executemany("INSERT INTO session VALUES ('w' || ?, randomblob(12), 0, 'W', '', 1, 1, 4000000000)",
                       ((i,) for i in numbers))
    with contextlib.closing(sqlite3.connect(directory / "messages.db")) as db, db:
        base = 1000
        for i in numbers:
            mod = db.execute("UPDATE account SET user_seq = user_seq + 1 WHERE id = 1 RETURNING user_seq"
                             ).fetchone()[0]
            db.execute("INSERT INTO account (id, key, tag, user_seq)"
                       " VALUES (?1, 'w' || ?2, '@W' || ?2, 1)", (base + i, i))
            db.execute("INSERT INTO conversation VALUES (?)", (base + i,))
            db.execute("INSERT INTO message (rowid, id, sender, receiver, date_ms, sender_count, text)"
                       " VALUES ((?1 << 32) + 1, randomblob(12), ?1, 1, ?2, 1, 'hi')",
                       (base + i, i))
            db.execute("INSERT INTO dialog (owner, peer, conversation, last_seq, last_date_ms, last_mod, in_count, out_count,"
                       " in_read, out_read, mod) VALUES (?1, 1, ?1, 1, ?2, 1, 0, 1, 0, 0, 1)", (base + i, i))
            db.execute("INSERT INTO dialog (owner, peer, conversation, last_seq, last_date_ms, last_mod, in_count, out_count,"
                       " in_read, out_read, mod) VALUES (1, ?1, ?1, 1, ?2, ?3, 1, 0, 0, 0, ?3)", (base + i, i, mod))


def test_more_than_a_page_of_everything_is_copied_and_compared(history, tmp_path):
    shutil.copytree(history.directory, tmp_path / "source")
    widen(tmp_path / "source", 1500)
    copy(url(tmp_path / "source"), url(tmp_path / "target"))
    said = verify(url(tmp_path / "source"), url(tmp_path / "target"))
    for count in ("users: 1504", "pictures: 1501", "revoked tokens: 1501", "sessions: 1504",
                  "invites and reset codes: 1500", "dialogs: 3006",
                  "messages: 1523", "user sequences: 1503"):
        assert f"{count}, all the same" in said


@pytest.fixture(scope="module")
def long_history(history, tmp_path_factory):
    directory = tmp_path_factory.mktemp("long") / "long"
    shutil.copytree(history.directory, directory)
    grow(directory, LONG)
    return directory


def messages_in(directory):
    try:
        with contextlib.closing(sqlite3.connect(f"file:{directory}/messages.db?mode=ro", uri=True)) as db:
            return db.execute("SELECT total(last_seq) FROM dialog").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def start_copy(source, target, slow_disk=None):
    """`slow_disk`, a directory whose every sync takes 0.2 s, leaves time to end the copy in its
    middle, however late the test comes to that."""
    environment = clean_environment()
    if slow_disk is not None:
        disk = Shim(slow_disk / "shim", slow_disk)
        disk.set(sync_delay_ms=200)
        environment.update(disk.environment())
    return subprocess.Popen([binary("messengerctl"), "store", "copy", source, target],
                            env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_a_copy_that_is_killed_again_and_again_is_finished_by_the_last(long_history, tmp_path):
    source, target = url(long_history), url(tmp_path / "target")
    for kill in range(5):
        before = messages_in(tmp_path / "target")
        process = start_copy(source, target, tmp_path)
        wait_until(lambda: messages_in(tmp_path / "target") > before, "the copy to bring messages")
        process.kill()
        process.communicate()
        assert process.returncode == -9, f"it was through before kill {kill}"
    before = messages_in(tmp_path / "target")
    said = copy(source, target)
    assert before > 0 and f"{LONG + 23 - before / 2:.0f} messages were new" in said
    verify(source, target)


def test_a_copy_into_mongodb_that_is_killed_is_finished_by_the_next(history, mongo, tmp_path):
    shutil.copytree(history.directory, tmp_path / "source")
    grow(tmp_path / "source", 3000)
    source, target = url(tmp_path / "source"), mongo.new_url()
    for kill in range(4):
        process = start_copy(source, target)
        assert process.stdout.readline().startswith("from ")
        pass_time(0.1 * (kill + 1), "each kill comes at another moment")
        process.kill()
        process.communicate()
    copy(source, target)
    verify(source, target)


def test_ctrl_c_ends_a_copy_and_prints_how_to_resume(long_history, tmp_path):
    source, target = url(long_history), url(tmp_path / "target")
    process = start_copy(source, target, tmp_path)
    wait_until(lambda: messages_in(tmp_path / "target") > 0, "the copy to bring messages")
    process.send_signal(2)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "run the same command to resume" in err and "messages were new" in out
    copy(source, target)
    verify(source, target)


def proxy_url(server, proxy):
    return server.new_url().replace(f":{server.port}/", f":{proxy.port}/")


@pytest.mark.slow
def test_a_lost_target_ends_the_copy_and_the_next_copy_resumes(history, tmp_path):
    shutil.copytree(history.directory, tmp_path / "source")
    grow(tmp_path / "source", 3000)
    with mongo_server() as server, contextlib.closing(Proxy(server.port)) as proxy:
        proxy.delay(0.2)  # so that the copy is not through when its first line is read
        process = start_copy(url(tmp_path / "source"), proxy_url(server, proxy))
        assert process.stdout.readline().startswith("from ")
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1 and "run the same command to resume" in err


def test_a_pipe_sees_a_line_of_progress_now_and_then(long_history, tmp_path):
    said = copy(url(long_history), url(tmp_path / "target"))
    assert "\r" not in said and "\033" not in said
    assert len(said.splitlines()) <= 3 + TIMEOUT / 5


# Differences

PLANTED = {
    "a name": ("users", "UPDATE user SET first_name = 'Eve' WHERE rowid = 1", "the first name differs"),
    "a password": ("users", "UPDATE user SET password_hash = 'x' WHERE rowid = 1",
                   "the password hash differs"),
    "an e-mail": ("users", "UPDATE user SET email = 'x@y.z' WHERE rowid = 1", "the e-mail differs"),
    "an id": ("users", "UPDATE user SET id = randomblob(12) WHERE rowid = 1", "the id differs"),
    "a user fewer": ("users", "DELETE FROM user WHERE rowid = 1", "is in A only"),
    "a picture's bytes": ("users", "UPDATE image SET data = x'00'", "the content differs"),
    "a picture fewer": ("users", "DELETE FROM image", "is in A only"),
    "a picture more": ("users", "INSERT INTO image (name, content_type, data) VALUES ('z.png', 'image/png', x'00')",
                       "picture z.png is in B only"),
    "a token that is good again": ("users", "DELETE FROM revoked_token", "is in A only"),
    "a token's end": ("users", "UPDATE revoked_token SET expires_at = expires_at + 1", "the end differs"),
    "a session that is over": ("users", "DELETE FROM session WHERE id = (SELECT min(id) FROM session)",
                               "is in A only"),
    "a session's account": ("users", "UPDATE session SET account = randomblob(12)", "differs"),
    "a session's end": ("users", "UPDATE session SET expires_at = expires_at + 1", "differs"),
    "an end of sessions": ("users", "UPDATE user SET session_epoch = 1 WHERE rowid = 1",
                           "the end of sessions differs"),
    "a disabled account": ("users", "UPDATE user SET disabled = 1 WHERE rowid = 1", "is disabled in one only"),
    "an invite": ("users", "INSERT INTO code VALUES (randomblob(12), 1, x'00', '', 1, 4000000000, 0, x'00', '')",
                  "is in B only"),
    "a session that was kept": ("users", "UPDATE user SET kept_session = 'x' WHERE rowid = 1",
                                "the session that was kept differs"),
    "a text": ("messages", "UPDATE message SET text = 'other' WHERE rowid & 0xffffffff = 7",
               "the text differs"),
    "a date": ("messages", "UPDATE message SET date_ms = date_ms + 1 WHERE rowid & 0xffffffff = 7",
               "the date differs"),
    "a message's id": ("messages", "UPDATE message SET id = randomblob(12) WHERE rowid & 0xffffffff = 7",
                       "the id differs"),
    "a sender": ("messages", "UPDATE message SET sender = receiver, receiver = sender"
                 " WHERE rowid & 0xffffffff = 7", "the sender differs"),
    "what is read": ("messages", "UPDATE dialog SET in_read = 0 WHERE in_read > 0",
                     "what the owner has read is 10 in A, 0 in B"),
    "a dialog fewer": ("messages", "DELETE FROM dialog WHERE owner = 1 AND peer = 2", "is in A only"),
    "a user sequence": ("messages", "UPDATE account SET user_seq = user_seq + 1 WHERE id = 1",
                        "user sequence of"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_verify_finds(what, history, copied, tmp_path):
    store, sql, expected = PLANTED[what]
    shutil.copytree(copied, tmp_path / "spoilt")
    with contextlib.closing(sqlite3.connect(tmp_path / "spoilt" / f"{store}.db")) as db, db:
        assert db.execute(sql).rowcount > 0
    done = ctl("store", "verify", url(history.directory), url(tmp_path / "spoilt"))
    assert done.returncode == 1 and "A and B differ" in done.stdout, done.stdout + done.stderr
    assert expected in done.stdout
    assert done.stdout.count("all the same") == 9 or what == "a dialog fewer"


def test_verify_refuses_a_damaged_store(history, copied, tmp_path):
    shutil.copytree(copied, tmp_path / "spoilt")
    with contextlib.closing(sqlite3.connect(tmp_path / "spoilt" / "messages.db")) as db, db:
        assert db.execute("DELETE FROM message WHERE rowid & 0xffffffff = 7").rowcount > 0
    done = ctl("store", "verify", url(history.directory), url(tmp_path / "spoilt"))
    assert done.returncode == 1 and "all the same" not in done.stdout.splitlines()[-1], done.stdout
    assert "messages.db is damaged (a conversation with a hole)" in done.stderr
    assert "not compared to the end" in done.stderr


def test_verify_prints_some_differences_and_counts_all(history, copied, tmp_path):
    shutil.copytree(copied, tmp_path / "spoilt")
    with contextlib.closing(sqlite3.connect(tmp_path / "spoilt" / "messages.db")) as db, db:
        db.execute("UPDATE message SET text = text || '!'")
    done = ctl("store", "verify", url(history.directory), url(tmp_path / "spoilt"))
    assert done.stdout.count("the text differs") == 10
    assert "messages: 23 in A, 23 in B; 23 differences" in done.stdout


# Refusals

CONFLICTS = {
    "another user": ("users", "UPDATE user SET id = randomblob(12) WHERE rowid = 1", "is another user there"),
    "a user of its own": ("users", "INSERT INTO user (id, key, tag, email, email_key, first_name,"
                          " last_name, img, password_hash) VALUES (randomblob(12), 'zz', '@zz', 'z@z.z',"
                          " 'z@z.z', 'Z', 'Z', '', '')", "holds a user that"),
    "another message": ("messages", "UPDATE message SET id = randomblob(12)"
                        " WHERE rowid & 0xffffffff = 21", "are others than in"),
    "a dialog that went on": ("messages", "UPDATE dialog SET mod = mod + 2", "has gone further"),
}


@pytest.mark.parametrize("what", CONFLICTS)
def test_a_copy_refuses_a_target_that_is_not_empty(what, history, copied, tmp_path):
    store, sql, expected = CONFLICTS[what]
    shutil.copytree(history.directory, tmp_path / "source")
    shutil.copytree(copied, tmp_path / "target")
    grow(tmp_path / "source", 1)
    with contextlib.closing(sqlite3.connect(tmp_path / "target" / f"{store}.db")) as db, db:
        db.execute(sql)
    done = ctl("store", "copy", url(tmp_path / "source"), url(tmp_path / "target"))
    assert done.returncode == 1 and expected in done.stderr, done.stdout + done.stderr


# What a stranger would get wrong

def test_help_lists_the_commands():
    help = ctl("--help")
    assert help.returncode == 0 and "store copy FROM TO" in help.stdout and "@file" in help.stdout


@pytest.mark.parametrize("arguments, code, expected", [
    ((), 2, "a command is missing"),
    (("store",), 2, "a command is missing"),
    (("store", "cpoy", "sqlite:///a", "sqlite:///b"), 2, 'unknown command "store cpoy"'),
    (("store", "copy", "sqlite:///a"), 2, "usage: messengerctl store copy FROM TO"),
    (("store", "copy", "sqlite:///a", "sqlite:///b", "more"), 2, "usage: messengerctl store copy FROM TO"),
    (("store", "copy", "--overwrite", "sqlite:///a", "sqlite:///b"), 2, "unknown option --overwrite"),
    (("store", "copy", "/var/lib/messenger", "sqlite:///b"), 2, "/var/lib/messenger names no installation"),
    (("store", "copy", "sqlite://", "sqlite:///b"), 2, "names no installation"),
    (("store", "copy", "mysql://host/db", "sqlite:///b"), 2, "names no installation"),
    (("store", "copy", "@/not/there", "sqlite:///b"), 2, "cannot read /not/there: No such file"),
    (("store", "copy", "sqlite:///not/there", "sqlite:///b"), 1, "/not/there: No such file or directory"),
    (("store", "copy", "sqlite:///etc", "sqlite:///b"), 1, "/etc is no installation: there is no users.db"),
    (("store", "copy", "sqlite:///etc/passwd", "sqlite:///b"), 1, "/etc/passwd is no directory"),
    (("store", "verify", "sqlite:///not/there", "sqlite:///b"), 1, "/not/there: No such file"),
])
def test_a_mistake_is_answered_with_a_clear_error(arguments, code, expected):
    done = ctl(*arguments)
    assert done.returncode == code and expected in done.stderr, done.stderr
    assert done.stderr.startswith("messengerctl: ") and done.stdout == ""


def test_an_installation_is_not_copied_onto_itself(history, tmp_path):
    (tmp_path / "link").symlink_to(history.directory)
    for same in (url(history.directory), url(tmp_path / "link"), url(history.directory) + "/"):
        done = ctl("store", "copy", url(history.directory), same)
        assert done.returncode == 2 and "FROM and TO are the same" in done.stderr
    done = ctl("store", "copy", "mongodb://u:p@127.0.0.1:1/db?x=y", "mongodb://127.0.0.1:1/db")
    assert done.returncode == 2 and "FROM and TO are the same" in done.stderr


def test_an_empty_installation_is_not_copied(tmp_path):
    with Stack(settings=on(url(tmp_path / "empty"))):
        pass
    done = ctl("store", "copy", url(tmp_path / "empty"), url(tmp_path / "target"))
    assert done.returncode == 1 and "there is nothing in" in done.stderr


@pytest.mark.parametrize("given", ["mongodb://u:sec@ret@127.0.0.1:1/db", "mongodb://u:sec/ret@127.0.0.1:1/db",
                                   "mongodb://u:secret@127.0.0.1:1/db?sec=ret", "mongdb://u:secret@h/db"])
def test_a_password_is_never_printed(given, history, tmp_path):
    (tmp_path / "file").write_text(given + "\n")
    for argument in (given, f"@{tmp_path}/file"):
        done = ctl("store", "copy", url(history.directory), argument)
        assert done.returncode in (1, 2) and done.stderr
        assert "sec" not in done.stdout + done.stderr.replace("seconds", "")


def test_the_url_may_come_from_a_file(history, copied, tmp_path):
    (tmp_path / "file").write_text(url(copied) + "\n")
    verify(url(history.directory), f"@{tmp_path}/file")

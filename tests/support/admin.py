"""The administrator, on the bus of a stack with authorisation."""

from support.protobuf import message, parse
from support.wait import wait_until

REPLIES = {"ListUsers": "UserRecords", "GetUser": "UserDetails", "CreateReset": "OneTimeCode", "MakeInvite": "OneTimeCode",
           "ListAllInvites": "InviteList", "ListAudit": "AuditEntries"}


class Admin:
    def __init__(self, stack):
        self._bus = stack.bus("admin")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._bus.close()

    def _request(self, method, fields):
        """The answer of a user service, which is waited for: one that has just been started may not listen yet."""
        data = message(f"{method}Request", fields).SerializeToString()

        def ask():
            answer = self._bus.request(f"rpc.admin.{method}", data)
            return answer if answer.headers.get("Status") != "503" else None
        return wait_until(ask, f"a service to answer {method}")

    def call(self, method, **fields):
        """The reply; fails when it is an error."""
        answer = self._request(method, fields)
        assert "Nats-Service-Error" not in answer.headers, answer.headers
        return parse(REPLIES.get(method, "Empty"), answer.data)

    def failure(self, method, **fields):
        """The name of the error."""
        return self._request(method, fields).headers["Nats-Service-Error"]

    def _pages(self, method, after, items, key):
        found, last = [], ""
        while page := list(items(self.call(method, limit=2, **{after: last}))):
            found += page
            last = key(page[-1])
        return found

    def users(self):
        return self._pages("ListUsers", "after_tag", lambda reply: reply.users, lambda record: record.user.tag)

    def invites(self):
        return self._pages("ListAllInvites", "after_id", lambda reply: reply.invites, lambda invite: invite.id)

    def audit(self, limit=500, **filters):
        """The entries of the audit log that match, the newest first."""
        found, before = [], ""
        while True:
            page = self.call("ListAudit", limit=limit, before=before, **filters)
            assert len(page.entries) <= limit
            found += page.entries
            if not page.next:
                return found
            before = page.next

"""What a run prints: the faults, the findings, one line for the table in README.md."""

import collections

DETAIL_MOST, SHOWN_PER_CHECK = 900, 4


def fault_table(done):
    rows = collections.defaultdict(lambda: [0, 0.0, 0])
    for one in done:
        row = rows[one.fault.kind, one.fault.service]
        row[0] += 1
        row[1] += one.healed_at - one.injected_at
        row[2] += one.problem is not None
    lines = [f"{'fault':16} {'of':10} {'times':>5} {'seconds':>8}"]
    for (kind, service), (times, seconds, problems) in sorted(rows.items()):
        lines.append(f"{kind:16} {service:10} {times:5} {seconds:8.1f}" +
                     (f"  {problems} not done as planned" if problems else ""))
    return lines


def finding_table(findings):
    by_check = collections.defaultdict(list)
    for finding in findings:
        by_check[finding.check].append(finding)
    lines = [f"{'finding':24} {'times':>5}"]
    lines += [f"{check:24} {len(found):5}" for check, found in sorted(by_check.items())]
    for check, found in sorted(by_check.items()):
        for finding in found[:SHOWN_PER_CHECK]:
            detail = finding.detail
            if len(detail) > DETAIL_MOST:
                detail = detail[:DETAIL_MOST] + " ..."
            lines += ["", f"{check}: {finding.where}", "    " + detail.replace("\n", "\n    ")]
        if len(found) > SHOWN_PER_CHECK:
            lines += ["", f"{check}: {len(found) - SHOWN_PER_CHECK} more"]
    return lines


def error_counts(ledger):
    counts = collections.Counter(trouble.code for trouble in ledger.troubles)
    return ", ".join(f"{count} of {code}" for code, count in sorted(counts.items(), key=str)) or "none"


def summary(options, load, done, findings):
    ledger, counts = load.ledger, load.ledger.counts
    messages = sum(bool(sent.acks) for sent in ledger.sent.values())
    resent = sum(sent.attempts - 1 for sent in ledger.sent.values())
    pushes = sum(len(book.pushes) for book in ledger.sockets)
    closed = collections.Counter(book.closed[0] for book in ledger.sockets)
    reconnects = counts["connections"] - len(load.devices)
    return (f"seed {options.seed}, {options.store}, {options.seconds} s: {messages} messages, "
            f"{resent} sends repeated, {pushes} pushes, {len(done)} faults, {reconnects} reconnects, "
            f"{counts['sync pages']} pages of sync, {counts['resets']} resets, {closed[1012]} closed as ahead, "
            f"{closed[1013]} as slow, {len(findings)} findings")

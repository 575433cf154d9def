/*
 * The rows of a conversation, from top to bottom. Each has a `key` of its own, which it keeps:
 *
 *   {kind: "day", key, date}            before the first message of a day of the local time zone, in
 *                                       the order of the days: what is dated back, as after a clock
 *                                       was set, stands under the day that has begun
 *   {kind: "new", key}                  the divider before the new messages
 *   {kind: "message", key, message, first, last}
 *   {kind: "pending", key, item, first, last}
 *
 * `first` and `last` of a group: messages of one person, one after the other.
 */

const GROUP_MS = 10 * 60 * 1000;

export function rowsOf(dialog) {
    const rows = [];
    const day = { from: -Infinity, to: -Infinity };
    const add = (row, date, divided) => {
        if (date >= day.to) startDay(rows, day, date);
        if (divided) rows.push({ kind: "new", key: "new" });
        rows.push(row);
    };
    for (const message of dialog.messages) {
        add({ kind: "message", key: message.seq, message }, message.date, message.seq === dialog.divider);
    }
    for (const item of dialog.pending) {
        if (item.guess === 0 || item.failed) add({ kind: "pending", key: item.id, item }, item.date, false);
    }
    group(rows);
    return rows;
}

function startDay(rows, day, date) {
    const start = new Date(date);
    start.setHours(0, 0, 0, 0);
    if (start.getTime() === day.from) return; // the clock was set back over midnight
    day.from = start.getTime();
    day.to = new Date(start.getFullYear(), start.getMonth(), start.getDate() + 1).getTime();
    const key = `day ${start.getFullYear()}-${start.getMonth() + 1}-${start.getDate()}`;
    rows.push({ kind: "day", key, date: day.from });
}

function group(rows) {
    for (let i = 0; i < rows.length; i += 1) {
        if (isText(rows[i])) {
            rows[i].first = !belongs(rows[i - 1], rows[i]);
            rows[i].last = !belongs(rows[i], rows[i + 1]);
        }
    }
}

function belongs(one, other) {
    return isText(one) && isText(other) && isMine(one) === isMine(other) && dateOf(other) - dateOf(one) < GROUP_MS;
}

function isText(row) {
    return row?.kind === "message" || row?.kind === "pending";
}

function isMine(row) {
    return row.kind === "pending" || row.message.mine;
}

function dateOf(row) {
    return (row.message ?? row.item).date;
}

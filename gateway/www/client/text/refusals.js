/* Why the server does not store a message, from the reason that it gives, as "receiverTag: no such user". */

const REASONS = [["full", /^text: .*\bstored as many\b/], ["nobody", /^receiverTag: no such user/], ["blocked", /^receiverTag: .*\bblocked\b/]];

/* "full" (the user has stored as much as is allowed), "nobody" (there is no such account, or not any more), "blocked"
 * (by the user), or "" for anything else. */
export function refusalOf(reason) {
    return REASONS.find(([, pattern]) => pattern.test(reason))?.[0] ?? "";
}

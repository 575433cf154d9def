#ifndef MESSAGE_STORE_MONGO_CHANGES_SEEN_H
#define MESSAGE_STORE_MONGO_CHANGES_SEEN_H

#include "services/message/store/mongo/changes_reading.h"

/* Changes and dialogs as their owner sees them: by which tags, what is listed, what is withheld,
 * and how messages are counted. */

/* Of all concerns. */
enum status changes_seen_find_relations(struct reading *reading) MUST_CHECK;

/* As typed; a dialog that is not visible yet has only the key, which names the same user. */
void changes_seen_peer_tag(const struct concern *concern, char tag_out[ACCOUNT_NAME_SIZE]);

/* Another account has the peer's tag. */
bool changes_seen_is_superseded(const struct reading *reading, const struct concern *concern);

/* False when there is a profile's change, and no message yet. */
bool changes_seen_is_listed(const struct reading *reading, const struct concern *concern);

/* Sets the seq of each message. */
enum status changes_seen_count(const struct reading *reading, struct change_list *list) MUST_CHECK;

/* Sets the rest of the dialogs: of each concern that is listed, in order. */
enum status changes_seen_finish_dialogs(const struct reading *reading,
                                        struct dialog_list *list) MUST_CHECK;

#endif

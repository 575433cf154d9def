#include "gateway/json/privacy_json.h"

#include <string.h>

enum { AUDIENCES = 4 };

/* By their numbers. */
static const char *const names[AUDIENCES] = { "", "everyone", "contacts", "nobody" };

static const char *name_of(Messenger__Audience audience)
{
    return (unsigned)audience < AUDIENCES ? names[audience] : "";
}

void privacy_json_put(struct json_writer *w, const Messenger__Privacy *privacy)
{
    json_put_string(w, "online", name_of(privacy->online));
    json_put_string(w, "readMarks", name_of(privacy->read_marks));
}

bool privacy_json_parse(const char *text, Messenger__Audience *audience_out)
{
    for (int i = 0; i < AUDIENCES; i++) {
        if (strcmp(names[i], text) == 0) {
            *audience_out = (Messenger__Audience)i;
            return true;
        }
    }
    return false;
}

#include "gateway/json/user_json.h"

void user_json_put(struct json_writer *w, const Messenger__User *user)
{
    json_put_string(w, "_id", user->id);
    json_put_string(w, "tag", user->tag);
    json_put_string(w, "firstName", user->first_name);
    json_put_string(w, "lastName", user->last_name);
    json_put_string(w, "img", user->img);
}

#include "gateway/logouts.h"

#include <string.h>

#include "event.pb-c.h"
#include "gateway/frame_gate.h"
#include "gateway/http_auth.h"
#include "services/common/wire.h"

enum { REMEMBERED = 1024 };

static void close_sessions(struct gateway *gateway, const char *tag, const char *jti)
{
    char key[TAG_SIZE];

    if (!tag_to_key(tag, key))
        return;
    struct registry_list sessions = registry_of_user(gateway->registry, key);
    for (size_t i = 0; i < sessions.count; i++)
        if (strcmp(session_identity(sessions.items[i])->jti, jti) == 0)
            session_close(sessions.items[i], WS_CLOSE_NORMAL, HTTP_NO_AUTH_REASON);
    registry_list_finish(&sessions);
}

static void handle_logout(void *ctx, struct bus_message *message_take)
{
    struct bus_message *message = message_take;
    Messenger__UserLoggedOut *event =
        wire_unpack(&messenger__user_logged_out__descriptor, bus_message_data(message),
                    bus_message_length(message));

    if (event != NULL && *event->jti != '\0') {
        struct gateway *gateway = ctx;
        recent_raise(gateway->logouts, event->jti, 1);
        close_sessions(gateway, event->tag, event->jti);
    }
    wire_free(event);
    bus_message_destroy(&message);
}

enum status logouts_start(struct gateway *gateway)
{
    gateway->logouts = recent_create(REMEMBERED);
    return bus_subscribe(gateway->bus, "event.user.logged_out", NULL, handle_logout, gateway,
                         &gateway->logout_subscription);
}

void logouts_stop(struct gateway *gateway)
{
    bus_drain(&gateway->logout_subscription);
    recent_destroy(&gateway->logouts);
}

bool logouts_is_recent(struct gateway *gateway, const char *jti)
{
    return recent_has(gateway->logouts, jti);
}

#include "gateway/http/assets.h"

#include <string.h>

/* Put into the program by assets_data.S: the bytes of gateway/www/<file> between two labels. */
#define DECLARE(label) extern const unsigned char asset_##label[], asset_##label##_end[]
DECLARE(default_jpg);
DECLARE(example_account_js);
DECLARE(example_call_js);
DECLARE(example_connection_js);
DECLARE(example_controls_css);
DECLARE(example_dom_js);
DECLARE(example_frames_js);
DECLARE(example_http_js);
DECLARE(example_log_css);
DECLARE(example_log_js);
DECLARE(example_messages_js);
DECLARE(example_methods_js);
DECLARE(example_people_js);
DECLARE(example_picture_js);
DECLARE(example_steps_css);
DECLARE(example_views_js);
DECLARE(example_css);
DECLARE(example_html);
DECLARE(example_js);
DECLARE(favicon_svg);
DECLARE(messenger_answers_js);
DECLARE(messenger_client_js);
DECLARE(messenger_socket_js);

static const struct {
    const char *name;
    const char *content_type;
    const unsigned char *begin, *end;
} files[] = {
#define FILE(name, type, label)                                                                    \
    {                                                                                              \
        name, type, asset_##label, asset_##label##_end                                             \
    }
    FILE("default.jpg", "image/jpeg", default_jpg),
    FILE("example-account.js", "text/javascript; charset=utf-8", example_account_js),
    FILE("example-call.js", "text/javascript; charset=utf-8", example_call_js),
    FILE("example-connection.js", "text/javascript; charset=utf-8", example_connection_js),
    FILE("example-controls.css", "text/css; charset=utf-8", example_controls_css),
    FILE("example-dom.js", "text/javascript; charset=utf-8", example_dom_js),
    FILE("example-frames.js", "text/javascript; charset=utf-8", example_frames_js),
    FILE("example-http.js", "text/javascript; charset=utf-8", example_http_js),
    FILE("example-log.css", "text/css; charset=utf-8", example_log_css),
    FILE("example-log.js", "text/javascript; charset=utf-8", example_log_js),
    FILE("example-messages.js", "text/javascript; charset=utf-8", example_messages_js),
    FILE("example-methods.js", "text/javascript; charset=utf-8", example_methods_js),
    FILE("example-people.js", "text/javascript; charset=utf-8", example_people_js),
    FILE("example-picture.js", "text/javascript; charset=utf-8", example_picture_js),
    FILE("example-steps.css", "text/css; charset=utf-8", example_steps_css),
    FILE("example-views.js", "text/javascript; charset=utf-8", example_views_js),
    FILE("example.css", "text/css; charset=utf-8", example_css),
    FILE("example.html", "text/html; charset=utf-8", example_html),
    FILE("example.js", "text/javascript; charset=utf-8", example_js),
    FILE("favicon.svg", "image/svg+xml", favicon_svg),
    FILE("messenger-answers.js", "text/javascript; charset=utf-8", messenger_answers_js),
    FILE("messenger-client.js", "text/javascript; charset=utf-8", messenger_client_js),
    FILE("messenger-socket.js", "text/javascript; charset=utf-8", messenger_socket_js),
#undef FILE
};
enum { FILES = sizeof(files) / sizeof(files[0]) };

const struct asset *assets_find(const char *name)
{
    static _Thread_local struct asset found;

    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        found = (struct asset){ files[i].name, files[i].content_type, files[i].begin,
                                (size_t)(files[i].end - files[i].begin) };
        return &found;
    }
    return NULL;
}

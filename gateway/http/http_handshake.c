#include "gateway/http/http_handshake.h"

#include <string.h>

#include "gateway/edge/edge_connection.h"
#include "gateway/edge/ws_accept.h"
#include "gateway/http/http_request.h"

#define VERSION "13"

bool http_handshake_is_wanted(const struct http_request *request)
{
    return http_header_has(request, "Upgrade", "websocket");
}

void http_handshake_require(struct http_request *request)
{
    http_add_header(request, "Upgrade", "websocket");
    http_add_header(request, "Sec-WebSocket-Version", VERSION);
    http_respond_error(request, 426, "UpgradeRequiredError",
                       "This needs a WebSocket of version " VERSION ".");
}

/* What is wrong with the request besides the version; NULL: nothing. */
static const char *find_fault(const struct http_request *request)
{
    const struct edge_connection *connection = http_request_connection(request);
    const char *key = NULL;

    if (strcmp(http_method(request), "GET") != 0 || connection->head.minor == 0)
        return "A WebSocket is opened by GET and HTTP/1.1.";
    if (!http_header_has(request, "Connection", "Upgrade"))
        return "Connection must name Upgrade.";
    if (connection->head.body != HTTP_HEAD_NO_BODY)
        return "The request must not have a body.";
    if (http_header_values(request, "Sec-WebSocket-Key", &key, 1) != 1 || !ws_accept_is_key(key))
        return "Sec-WebSocket-Key must be 16 bytes in base64.";
    if (connection->in.length > 0)
        return "Nothing may follow the upgrade before its answer.";
    return NULL;
}

bool http_handshake_check(struct http_request *request)
{
    const char *version = NULL;
    const char *fault = find_fault(request);

    http_request_connection(request)->closes = true;
    if (fault != NULL) {
        http_respond_error(request, 400, "BadRequestError", fault);
        return false;
    }
    if (http_header_values(request, "Sec-WebSocket-Version", &version, 1) != 1 ||
        strcmp(version, VERSION) != 0) {
        http_handshake_require(request);
        return false;
    }
    return true;
}

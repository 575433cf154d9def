#ifndef GATEWAY_SOCKET_WS_PROTOCOL_H
#define GATEWAY_SOCKET_WS_PROTOCOL_H

/* Numbers of the WebSocket protocol. */

/* RFC 6455, section 5.2. */
enum ws_opcode {
    WS_OPCODE_CONTINUATION = 0,
    WS_OPCODE_TEXT = 1,
    WS_OPCODE_BINARY = 2,
    WS_OPCODE_CLOSE = 8,
    WS_OPCODE_PING = 9,
    WS_OPCODE_PONG = 10,
};

/* The bytes of a control frame (RFC 6455, section 5.5) after the code. */
enum { WS_CLOSE_REASON_MAX = 123 };

/* RFC 6455, section 7.4.1; 1012 and 1013 of the IANA WebSocket Close Code Number Registry. */
enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    WS_CLOSE_UNSUPPORTED_DATA = 1003,
    WS_CLOSE_INVALID_DATA = 1007,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_SERVICE_RESTART = 1012,
    WS_CLOSE_TRY_AGAIN_LATER = 1013,
};

#endif

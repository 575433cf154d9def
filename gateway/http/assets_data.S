/* The files of gateway/www as they are; gateway/http/assets.c names them. */
        .section .rodata

        .macro asset label, path
        .global asset_\label, asset_\label\()_end
        .balign 16
asset_\label:
        .incbin "gateway/www/\path"
asset_\label\()_end:
        .byte 0
        .endm

        asset default_jpg, "default.jpg"
        asset example_account_js, "example-account.js"
        asset example_call_js, "example-call.js"
        asset example_connection_js, "example-connection.js"
        asset example_controls_css, "example-controls.css"
        asset example_dom_js, "example-dom.js"
        asset example_frames_js, "example-frames.js"
        asset example_http_js, "example-http.js"
        asset example_log_css, "example-log.css"
        asset example_log_js, "example-log.js"
        asset example_messages_js, "example-messages.js"
        asset example_methods_js, "example-methods.js"
        asset example_people_js, "example-people.js"
        asset example_picture_js, "example-picture.js"
        asset example_steps_css, "example-steps.css"
        asset example_views_js, "example-views.js"
        asset example_css, "example.css"
        asset example_html, "example.html"
        asset example_js, "example.js"
        asset favicon_svg, "favicon.svg"
        asset messenger_answers_js, "messenger-answers.js"
        asset messenger_client_js, "messenger-client.js"
        asset messenger_socket_js, "messenger-socket.js"

        .section .note.GNU-stack, "", @progbits

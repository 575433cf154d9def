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
        asset example_css, "example.css"
        asset example_html, "example.html"
        asset example_js, "example.js"
        asset favicon_svg, "favicon.svg"
        asset messenger_client_js, "messenger-client.js"
        asset messenger_socket_js, "messenger-socket.js"

        .section .note.GNU-stack, "", @progbits

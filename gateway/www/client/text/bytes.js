/* Lengths as the server counts them: bytes of UTF-8. */

const encoder = new TextEncoder();

export const TEXT_BYTES_MAX = 16_384;

export function byteLength(text) {
    return encoder.encode(text).length;
}

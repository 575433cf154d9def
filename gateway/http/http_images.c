#include "gateway/http/http_images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.pb-c.h"
#include "gateway/edge/multipart.h"
#include "gateway/http/assets.h"
#include "gateway/http/http_answers.h"
#include "gateway/http/http_conditional.h"
#include "gateway/http/http_identity.h"
#include "gateway/http/http_request.h"
#include "gateway/http/http_site.h"
#include "gateway/image/avatar.h"
#include "gateway/image/image_cache.h"
#include "gateway/limits/ratelimit.h"
#include "gateway/socket/no_auth.h"
#include "services/common/base/clock.h"
#include "services/common/base/id.h"
#include "services/common/base/log.h"
#include "services/common/rpc/rpc_client.h"
#include "services/common/rpc/wire.h"
#include "user.pb-c.h"

enum {
    FORM_MAX = 16 * 1024 * 1024,
    FILE_MAX = 15 * 1024 * 1024,
    NAME_BYTES = 16,
    NAME_HEX = 2 * NAME_BYTES,
    NAME_SIZE = NAME_HEX + sizeof(".jpg"),
};
#define IMAGE_PREFIX "/img/"
#define DEFAULT_IMAGE "default.jpg"

/* --- upload ------------------------------------------------------------------------------ */

/* Random, so that each upload of the same picture has a name of its own: a client that saves the
 * picture again changes its user, and nobody can tell from a name who has the same picture. */
static void make_name(const struct avatar *avatar, char name_out[NAME_SIZE])
{
    unsigned char random[NAME_BYTES];

    id_random_bytes(random, sizeof(random));
    for (size_t i = 0; i < NAME_BYTES; i++)
        snprintf(name_out + 2 * i, 3, "%02x", random[i]);
    snprintf(name_out + NAME_HEX, NAME_SIZE - NAME_HEX, "%s", avatar->extension);
}

static enum status store_image(const struct http_site *site, const struct avatar *avatar,
                               const char *name)
{
    Messenger__PutImageRequest request = MESSENGER__PUT_IMAGE_REQUEST__INIT;
    Messenger__Image image = MESSENGER__IMAGE__INIT;
    Messenger__Empty *reply;
    struct rpc_context context;

    image.name = wire_borrow(name);
    image.content_type = wire_borrow(avatar->content_type);
    image.data.data = avatar->data;
    image.data.len = avatar->size;
    request.image = &image;
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.PutImage", &request.base,
                                  &messenger__empty__descriptor, &reply, NULL);
    if (status != STATUS_OK)
        rpc_log_failure(&context, "user.PutImage", status, NULL);
    wire_free(reply);
    return status;
}

/* A JSON string that holds JSON: the original's client parses twice. */
static void respond_name(struct http_request *request, const char *name)
{
    char body[96];

    int length = snprintf(body, sizeof(body), "\"{\\\"fileName\\\": \\\"%s\\\"}\"", name);
    http_respond(request, 200, "application/json; charset=utf-8", body, (size_t)length);
}

static void take_image(const struct http_site *site, struct http_request *request, const char *data,
                       size_t size)
{
    struct avatar avatar;
    char name[NAME_SIZE];
    enum status status = STATUS_OK;

    switch (avatar_normalise(data, size, &avatar)) {
    case AVATAR_OK:
        make_name(&avatar, name);
        status = store_image(site, &avatar, name);
        if (status == STATUS_OK)
            respond_name(request, name);
        else
            http_answers_unavailable(request);
        break;
    case AVATAR_NOT_AN_IMAGE:
        http_respond_error(request, 400, "IncorrectDataError",
                           "image: not a PNG, JPEG, GIF, WebP, BMP or AVIF that can be read.");
        break;
    case AVATAR_TOO_LARGE:
        http_respond_error(request, 400, "IncorrectDataError", "image: has too many pixels.");
        break;
    case AVATAR_FAILED:
        http_answers_unavailable(request);
        break;
    }
    avatar_finish(&avatar);
}

/* Pictures are decoded a few at a time, for each takes many times its size. */
static void decode_image(const struct http_site *site, struct http_request *request,
                         const char *data, size_t size)
{
    while (sem_wait(site->decoding_slots) != 0) /* EINTR */
        continue;
    take_image(site, request, data, size);
    sem_post(site->decoding_slots);
}

static void receive_image(const struct http_site *site, struct http_request *request)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    const char *data;
    size_t length, size;
    const char *body = http_body(request, &length);

    if (!multipart_boundary(http_header(request, "Content-Type"), boundary))
        http_respond_error(request, 400, "IncorrectDataError",
                           "Content-Type must name a boundary of 1 to 70 characters.");
    else if (length == 0 || !multipart_find(body, length, boundary, "image", &data, &size))
        http_respond_error(request, 400, "IncorrectDataError",
                           "image: the form has no such field, or breaks off.");
    else if (size > FILE_MAX)
        http_images_too_large(request);
    else
        decode_image(site, request, data, size);
}

void http_images_too_large(struct http_request *request)
{
    http_respond_error(request, 413, "FileTooLargeError", "The image is over 15 MiB.");
}

/* Whether the user may upload; else the request has been answered. Asked before the body is
 * read. */
static bool admit_upload(const struct http_site *site, struct http_request *request)
{
    struct http_token token;
    int64_t retry_after_ms;

    enum http_identity identity = http_identity_find(site, request, &token);
    if (identity == HTTP_CANNOT_TELL)
        http_answers_unavailable(request);
    else if (identity == HTTP_NOBODY)
        http_respond_error(request, 401, NO_AUTH_NAME, NO_AUTH_MISSING);
    else if (!multipart_is_form(http_header(request, "Content-Type")))
        http_respond_error(request, 415, "UnsupportedMediaTypeError",
                           "Content-Type must be multipart/form-data.");
    else if (!ratelimit_admit(site->uploads, token.claims.tag, &retry_after_ms))
        http_answers_too_many(request, "FilesLimitExceedingError", retry_after_ms);
    else
        return true;
    return false;
}

void http_images_upload(const struct http_site *site, struct http_request *request)
{
    if (http_is_asked(request))
        receive_image(site, request);
    else if (admit_upload(site, request))
        http_want_body(request, FORM_MAX);
}

/* --- images ------------------------------------------------------------------------------ */

static void respond_image(struct http_request *request, const char *content_type, const char *etag,
                          const void *data, size_t size)
{
    http_add_header(request, "Content-Security-Policy", "default-src 'none'");
    http_conditional_respond(request, &(struct http_representation){
                                          .content_type = content_type,
                                          .cache_control = "public, max-age=31536000, immutable",
                                          .etag = etag,
                                          .data = data,
                                          .size = size,
                                      });
}

/* An upload's name never has another picture, so it is the entity tag. */
static void respond_upload(struct http_request *request, const char *content_type, const char *name,
                           const void *data, size_t size)
{
    char etag[NAME_SIZE + 2];

    snprintf(etag, sizeof(etag), "\"%s\"", name);
    respond_image(request, content_type, etag, data, size);
}

static void respond_default(struct http_request *request)
{
    const struct asset *asset = assets_find(DEFAULT_IMAGE);
    const struct asset_form *form = &asset->forms[CODING_IDENTITY];

    respond_image(request, asset->content_type, form->etag, form->data, form->size);
}

/* Only names that we give: 32 hex digits, .jpg or .png. */
static bool is_image_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == NAME_HEX &&
           (strcmp(name + NAME_HEX, ".jpg") == 0 || strcmp(name + NAME_HEX, ".png") == 0);
}

static void fetch_image(const struct http_site *site, struct http_request *request,
                        const char *name)
{
    Messenger__GetImageRequest wanted = MESSENGER__GET_IMAGE_REQUEST__INIT;
    Messenger__Image *image;
    struct rpc_context context;

    wanted.name = wire_borrow(name);
    rpc_context_start(&context, site->settings->rpc_timeout_ms);
    enum status status = rpc_call(site->bus, &context, "user.GetImage", &wanted.base,
                                  &messenger__image__descriptor, &image, NULL);
    if (status == STATUS_OK) {
        image_cache_put(site->images, name, clock_mono_ms(), image->content_type, image->data.data,
                        image->data.len);
        respond_upload(request, image->content_type, name, image->data.data, image->data.len);
    } else if (status == STATUS_NOT_FOUND) {
        http_respond_error(request, 404, "NotFoundError", "There is no such image.");
    } else {
        http_answers_call_failed(request, &context, "user.GetImage", status);
    }
    wire_free(image);
}

void http_images_get(const struct http_site *site, struct http_request *request)
{
    const char *name = http_path(request) + strlen(IMAGE_PREFIX);
    char *content_type;
    void *data;
    size_t size;

    if (strcmp(name, DEFAULT_IMAGE) == 0) {
        respond_default(request);
    } else if (!is_image_name(name)) {
        http_respond_error(request, 404, "NotFoundError", "There is no such image.");
    } else if (image_cache_get(site->images, name, clock_mono_ms(), &content_type, &data, &size)) {
        respond_upload(request, content_type, name, data, size);
        free(content_type);
        free(data);
    } else {
        fetch_image(site, request, name);
    }
}

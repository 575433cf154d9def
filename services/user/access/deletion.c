#include "services/user/access/deletion.h"

#include "services/common/base/clock.h"
#include "services/common/base/log.h"
#include "services/user/access/sessions.h"

/* One that is left is swept later, as nobody shows it. */
static void drop_picture(struct user_service *service, const char *name)
{
    enum status status = *name != '\0' ? user_store_drop_image(service->store, name) : STATUS_OK;

    if (status != STATUS_OK)
        log_warn("the picture of a deleted account is not deleted yet: %s", status_name(status));
}

enum status deletion_delete(struct user_service *service, const struct user *before)
{
    struct user_deletion deletion = { .before = before, .now_ms = clock_wall_ms() };

    return user_store_delete(service->store, &deletion);
}

void deletion_follow_up(struct user_service *service, const struct user *before)
{
    sessions_publish_end_of_others(service, before, "");
    announcer_kick(service->announcer);
    drop_picture(service, before->img);
}

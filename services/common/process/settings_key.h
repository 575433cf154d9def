#ifndef COMMON_PROCESS_SETTINGS_KEY_H
#define COMMON_PROCESS_SETTINGS_KEY_H

/* Why a JWT key is weak (known, short, or not random), as a literal; NULL when it is not. */
const char *settings_key_weakness(const char *key);

#endif

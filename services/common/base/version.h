#ifndef COMMON_BASE_VERSION_H
#define COMMON_BASE_VERSION_H

/* The version of the latest release, or of the first one until then. It is defined here only. */
#define MESSENGER_VERSION "0.1.0"

/* The version and, in a git checkout, the commit: "0.1.0 (v0.1.0-3-gfc1bcf2-dirty)". The Makefile
 * generates the definition and links it into programs, not into unit tests. */
extern const char messenger_build[];

#endif

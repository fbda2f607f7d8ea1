/* memory.h: how much memory the machine can still give. Asked before a result is allocated (array.c). */
#ifndef TOOL_MEMORY_H
#define TOOL_MEMORY_H

#include "command.h"

#include <stddef.h>

/* Bytes that can be used without swapping; SIZE_MAX when the system does not say. */
size_t memory_available(void);

/* Bytes that what streams may hold: --memory, or a quarter of the machine's, or less where less is available. */
size_t memory_allowed(const arguments *args);

#endif

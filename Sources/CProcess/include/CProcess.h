// What Swift cannot call by itself: macros, variadic functions and calls that need _GNU_SOURCE. Plain prototypes only, no system header but
// these two: a module that redefines libc's types would collide with Dispatch's and Glibc's.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Identity of the calling thread.
uintptr_t process_current_thread(void);

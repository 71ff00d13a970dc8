// What Swift cannot call by itself: macros, variadic functions and calls that need _GNU_SOURCE. Plain prototypes only, no system header but
// these two: a module that redefines libc's types would collide with Dispatch's and Glibc's.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Identity of the calling thread.
uintptr_t process_current_thread(void);

/// posix_spawn in a process group of its own: descriptor 0 is `input`, 1 and 2 are `output`, all others closed, signals at their
/// defaults and unblocked. Returns 0 or an errno.
int process_spawn_detached(pid_t *pid, const char *path, char *const arguments[], char *const environment[], int input, int output);

/// A non-blocking, close-on-exec eventfd, or -1 with errno.
int process_event_descriptor(void);

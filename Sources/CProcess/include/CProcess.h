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

/// As process_spawn_detached, with /dev/null as standard input, descriptors of their own for output and error, and `folder` as working directory.
int process_spawn_in(pid_t *pid, char *const arguments[], char *const environment[], const char *folder, int output, int error);

/// A pipe whose ends are close-on-exec and whose reading end does not block. Returns 0, or -1 with errno.
int process_pipe(int ends[2]);

/// A descriptor that becomes readable when the process has ended; -1 with errno. Linux 5.3 or newer.
int process_descriptor_open(pid_t process);

/// How an ended process ended and what it used.
struct process_end {
  int exit_status;         // -1 when a signal ended it
  int signal;              // 0 when it exited by itself
  double processor_seconds;
  int64_t peak_resident_bytes;
};

/// Waits for the process and removes its entry. Returns 0, or -1 with errno.
int process_reap(pid_t process, struct process_end *end);

/// Names the calling thread, for people who look at it; at most 15 bytes.
void process_name_thread(const char *name);

/// From now on SIGTERM and SIGINT make the descriptor readable instead of ending the process; a second one ends it at once. -1 with errno.
/// Handlers rather than a mask: Dispatch's main loop waits with an empty mask.
int process_shutdown_descriptor(void);

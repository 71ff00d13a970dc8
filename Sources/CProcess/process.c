#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

uintptr_t process_current_thread(void) { return (uintptr_t)pthread_self(); }

// A negative `input` is /dev/null; no `folder` keeps the current one.
static int spawn(pid_t *pid, const char *path, char *const arguments[], char *const environment[], const char *folder, int input, int output,
                 int error) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int failure = posix_spawn_file_actions_init(&actions);
  if (failure) return failure;
  failure = posix_spawnattr_init(&attributes);
  if (failure) {
    posix_spawn_file_actions_destroy(&actions);
    return failure;
  }
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  failure = input < 0 ? posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) : posix_spawn_file_actions_adddup2(&actions, input, 0);
  if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, output, 1);
  if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, error, 2);
  if (!failure && folder) failure = posix_spawn_file_actions_addchdir_np(&actions, folder);
  if (!failure) failure = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!failure) failure = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failure;
}

int process_spawn_detached(pid_t *pid, const char *path, char *const arguments[], char *const environment[], int input, int output) {
  return spawn(pid, path, arguments, environment, 0, input, output, output);
}

int process_spawn_in(pid_t *pid, char *const arguments[], char *const environment[], const char *folder, int output, int error) {
  return spawn(pid, arguments[0], arguments, environment, folder, -1, output, error);
}

int process_event_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int process_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

int process_descriptor_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int process_reap(pid_t process, struct process_end *end) {
  int status = 0;
  struct rusage used;
  pid_t reaped;
  do {
    reaped = wait4(process, &status, 0, &used);
  } while (reaped < 0 && errno == EINTR);
  if (reaped < 0) return -1;
  end->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end->processor_seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  end->peak_resident_bytes = (int64_t)used.ru_maxrss * 1024;
  return 0;
}

void process_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

static int shutdown_descriptor = -1;
static volatile sig_atomic_t shutdown_signals = 0;

static void note_shutdown(int signal) {
  int error = errno;
  uint64_t one = 1;
  if (shutdown_signals++ > 0) _exit(128 + signal);
  if (write(shutdown_descriptor, &one, sizeof one) < 0) _exit(128 + signal);
  errno = error;
}

int process_shutdown_descriptor(void) {
  struct sigaction action = {0};
  action.sa_handler = note_shutdown;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  shutdown_descriptor = eventfd(0, EFD_CLOEXEC);
  if (shutdown_descriptor < 0) return -1;
  signal(SIGPIPE, SIG_IGN);
  if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0) return -1;
  return shutdown_descriptor;
}

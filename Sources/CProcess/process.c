#define _GNU_SOURCE
#include "CProcess.h"

#include <pthread.h>

uintptr_t process_current_thread(void) { return (uintptr_t)pthread_self(); }

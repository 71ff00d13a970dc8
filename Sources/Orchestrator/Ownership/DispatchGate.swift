import Glibc

/// A gate that is opened once; threads wait before it.
final class DispatchGate: @unchecked Sendable {
  // Safe to share: POSIX semaphores are made for several threads; the memory lives as long as the object.
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() {
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func open() {
    sem_post(semaphore)
  }

  /// - Returns: false when the time was up first.
  func wait(milliseconds: Int) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_REALTIME, &deadline)
    deadline.tv_nsec += milliseconds * 1_000_000
    deadline.tv_sec += deadline.tv_nsec / 1_000_000_000
    deadline.tv_nsec %= 1_000_000_000
    guard sem_timedwait(semaphore, &deadline) == 0 else { return false }
    sem_post(semaphore)
    return true
  }

  func wait() {
    while sem_wait(semaphore) != 0 {}
    sem_post(semaphore)
  }
}

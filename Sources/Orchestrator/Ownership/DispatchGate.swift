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

  func wait() {
    while sem_wait(semaphore) != 0 {}
    sem_post(semaphore)
  }
}

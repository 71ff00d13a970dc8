/// The batches of one owner on their way: the open one fills while sealed ones wait and at most two are being committed. Pure.
struct BatchPipeline {
  private(set) var inFlight: [CommitBatch] = []
  private(set) var sealed: [CommitBatch] = []
  var open = CommitBatch(number: 0)
  private var entries: [Int: [RunEntry]] = [:]
  /// Batches that did not land; once nothing is in flight they are worked up again.
  private(set) var failed: [CommitBatch] = []
  private(set) var refusal: CommitRefusal?
  /// After a refused batch: the most messages of the next ones, doubled with every one that lands.
  private var messageLimit: Int?
  private(set) var commits = 0

  var isQuiet: Bool { inFlight.isEmpty && sealed.isEmpty && open.isEmpty && failed.isEmpty }

  var hasSealed: Bool { !sealed.isEmpty }

  /// The batch that the next one speculates on.
  var predecessor: Int? { inFlight.last?.number }

  mutating func touch(_ entry: RunEntry) {
    guard entry.touchedBy != open.number else { return }
    entry.touchedBy = open.number
    entry.uncommittedBatches += 1
    entries[open.number, default: []].append(entry)
  }

  var isFull: Bool { open.rowCount >= Limits.rowsPerBatch || messageLimit.map { open.messages.count >= $0 } == true }

  /// Whether the connection may take one more batch.
  var hasRoom: Bool {
    refusal == nil && inFlight.count < (messageLimit == nil ? Limits.batchesInFlight : 1)
  }

  /// Moves the open batch behind the sealed ones.
  mutating func seal() {
    guard !open.isEmpty else { return }
    sealed.append(open)
    open = CommitBatch(number: open.number + 1)
  }

  func openEntries() -> [RunEntry] { entries[open.number] ?? [] }

  /// The runs that a batch has rows of.
  func entries(of batch: CommitBatch) -> [RunEntry] { entries[batch.number] ?? [] }

  mutating func nextToSend() -> CommitBatch? {
    guard hasRoom, !sealed.isEmpty else { return nil }
    return sealed.removeFirst()
  }

  mutating func sent(_ batch: CommitBatch) {
    inFlight.append(batch)
  }

  /// Takes a batch that landed, with the runs it touched.
  mutating func landed(_ number: Int) -> (batch: CommitBatch, entries: [RunEntry])? {
    guard let index = inFlight.firstIndex(where: { $0.number == number }) else { return nil }
    commits += 1
    messageLimit = messageLimit.flatMap { $0 >= Limits.rowsPerBatch ? nil : $0 * 2 }
    return (inFlight.remove(at: index), entries.removeValue(forKey: number) ?? [])
  }

  /// Notes a batch that did not land; the first cause counts, what came after it failed because of it.
  mutating func refused(_ number: Int, _ cause: CommitRefusal) {
    guard let index = inFlight.firstIndex(where: { $0.number == number }) else { return }
    failed.append(inFlight.remove(at: index))
    if refusal == nil || refusal == .predecessorMissing { refusal = cause }
  }

  var uncommittedEffects: [Effect] { (inFlight + failed + sealed + [open]).flatMap(\.effects) }

  /// Gives back everything that was not committed, oldest first, and starts anew.
  mutating func takeUncommitted() -> (cause: CommitRefusal, refused: CommitBatch?, batches: [CommitBatch], entries: [RunEntry]) {
    let batches = failed + sealed + [open]
    let touched = entries.keys.sorted().flatMap { entries[$0] ?? [] }
    let cause = refusal ?? .predecessorMissing
    let refusedBatch = failed.first
    if case .rejected = cause, let refusedBatch { messageLimit = max(1, min(messageLimit ?? .max, refusedBatch.messages.count) / 2) }
    entries.removeAll()
    failed.removeAll()
    sealed.removeAll()
    refusal = nil
    open = CommitBatch(number: open.number + 1)
    return (cause, refusedBatch, batches, touched)
  }
}

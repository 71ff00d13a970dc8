/// The owner's door to the store in memory: every question has its answer at once.
final class InMemoryStore: EngineStore {
  private let model: StoreModel
  private let process: Int64
  private let session: Int64
  private var answers: [StoreAnswer] = []

  init(_ model: StoreModel, process: Int64) {
    self.model = model
    self.process = process
    session = model.beginSession(process)
  }

  var hasAnswers: Bool { !answers.isEmpty }

  func commit(_ batch: CommitBatch, predecessor: Int?) {
    let refusal = model.commit(batch, predecessor: predecessor, by: process, session: session)
    answers.append(refusal.map { .refused(batch: batch.number, $0) } ?? .committed(batch: batch.number))
  }

  func load(_ runs: [RunID]) {
    answers.append(.loaded(model.load(runs)))
  }

  func readInbox(slots: [Slot], above floor: Int64) {
    answers.append(.inbox(model.readInbox(slots, above: floor), model.transactionWindow))
  }

  func readTimers(slots: [Slot], dueUntil: Int64) {
    answers.append(.timers(model.readTimers(slots, dueUntil: dueUntil)))
  }

  func readOpenRuns(slots: [Slot], from lowWater: RunID) {
    answers.append(.openRuns(model.readOpenRuns(slots, from: lowWater), of: slots))
  }

  func findRuns(_ keys: [WorkflowKey]) {
    answers.append(.foundRuns(model.findRuns(keys)))
  }

  func readReset(_ query: ResetQuery) {
    answers.append(.reset(model.readReset(query)))
  }

  func takeAnswers() -> [StoreAnswer] {
    defer { answers.removeAll(keepingCapacity: true) }
    return answers
  }
}

import Cryptography
import Foundation
import Synchronization

/// Something that took its time, as a part of a trace.
public struct Span: Sendable, Equatable, Codable {
  /// For example `RunActivity:transcode`.
  public let name: String
  public let traceID: String
  public let spanID: String
  /// Nil for the first of its trace.
  public let parentSpanID: String?
  /// Microseconds since the Unix epoch.
  public let startedAt: Int64
  public internal(set) var endedAt: Int64?
  public internal(set) var attributes: [String: String]
  /// The type of the failure that ended it; nil when nothing failed.
  public internal(set) var failure: String?
}

/// Takes spans: to a file, to a collector. Called on the threads of what is traced, so it must not wait.
public protocol SpanExporter: Sendable {
  /// Takes a span that has ended.
  func export(_ span: Span)
}

/// Keeps spans in memory, for tests.
public final class SpanRecorder: SpanExporter {
  private let spans = Mutex<[Span]>([])

  public init() {}

  /// Keeps it.
  public func export(_ span: Span) {
    spans.withLock { $0.append(span) }
  }

  /// In the order in which they ended.
  public var recorded: [Span] { spans.withLock { $0 } }
}

/// Makes spans of starts, signals, updates, runs, and attempts of activities, and carries their context by the headers `traceparent` and
/// `tracestate`: from whoever calls down to the activity of a child. A replay makes none.
///
///     let tracing = Tracing(exporter)
///     registry.intercept(clients: tracing)
///     registry.intercept(workflows: tracing)
///     registry.intercept(activities: tracing)
public struct Tracing: ClientInterceptor, WorkflowInterceptor, ActivityInterceptor {
  private let exporter: any SpanExporter

  public init(_ exporter: any SpanExporter) {
    self.exporter = exporter
  }

  /// A span around the request; with `TraceContext.current` as its parent.
  public func send(_ call: ClientCall, next: @Sendable (ClientCall) async throws -> Void) async throws {
    let context = (TraceContext.current ?? Self.newTrace()).span(Self.newSpanID())
    var span = span("\(call.kind.rawValue.capitalized):\(call.name)", context, parent: TraceContext.current?.spanID, call.key)
    var call = call
    context.write(to: &call.headers)
    do {
      try await next(call)
    } catch {
      span.failure = Failure(error).type
      end(span)
      throw error
    }
    end(span)
  }

  /// A span around the attempt, which the code finds as `TraceContext.current`.
  public func execute(_ context: ActivityContext, next: @Sendable () async throws -> Payload) async throws -> Payload {
    guard let parent = TraceContext(context.info.headers) else { return try await next() }
    let own = parent.span(Self.newSpanID())
    let key = WorkflowKey(namespace: context.info.namespace, workflowID: context.info.workflowID)
    var span = span("RunActivity:\(context.info.activityType)", own, parent: parent.spanID, key)
    span.attributes["runId"] = context.info.runID.description
    span.attributes["attempt"] = String(context.info.attempt)
    do {
      let result = try await TraceContext.$current.withValue(own) { try await next() }
      end(span)
      return result
    } catch {
      span.failure = Failure(error).type
      end(span)
      throw error
    }
  }

  /// The signal or update, as a moment in the run's trace.
  public func received(_ message: InboundMessage, _ run: InterceptedRun) {
    guard !run.isReplaying, let parent = TraceContext(message.headers) else { return }
    var span = span("Handle\(message.kind.rawValue.capitalized):\(message.name)", parent.span(Self.newSpanID()), parent: parent.spanID, run)
    span.endedAt = run.now
    exporter.export(span)
  }

  /// What the code asks for belongs to the span of its run, whichever process runs it.
  public func asked(_ call: inout OutboundCall, _ run: InterceptedRun) {
    guard call.kind != .continueAsNew, let context = Self.context(of: run.info) else { return }
    context.write(to: &call.headers)
  }

  /// The whole run, when its code ends for the first time.
  public func ended(_ failure: Failure?, _ run: InterceptedRun) {
    guard !run.isReplaying, let parent = TraceContext(run.info.headers), let context = Self.context(of: run.info) else { return }
    var span = span("RunWorkflow:\(run.info.workflowType)", context, parent: parent.spanID, run)
    span.endedAt = run.now
    span.failure = failure?.type
    exporter.export(span)
  }

  /// The span of a run is named by the run, so that a replay in another process comes to the same.
  private static func context(of info: WorkflowInfo) -> TraceContext? {
    TraceContext(info.headers)?.span(hexadecimal(Digest.sha256("span/\(info.runID)".utf8).prefix(8)))
  }

  private func span(_ name: String, _ context: TraceContext, parent: String?, _ run: InterceptedRun) -> Span {
    Span(
      name: name, traceID: context.traceID, spanID: context.spanID, parentSpanID: parent, startedAt: run.startedAt,
      attributes: ["namespace": run.info.namespace, "workflowId": run.info.workflowID, "runId": run.info.runID.description])
  }

  private func span(_ name: String, _ context: TraceContext, parent: String?, _ key: WorkflowKey) -> Span {
    Span(
      name: name, traceID: context.traceID, spanID: context.spanID, parentSpanID: parent, startedAt: Self.now,
      attributes: ["namespace": key.namespace, "workflowId": key.workflowID])
  }

  private func end(_ span: Span) {
    var span = span
    span.endedAt = Self.now
    exporter.export(span)
  }

  private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }

  private static func newTrace() -> TraceContext { TraceContext(traceID: hexadecimal(SecureRandom.bytes(16)), spanID: newSpanID()) }

  private static func newSpanID() -> String { hexadecimal(SecureRandom.bytes(8)) }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

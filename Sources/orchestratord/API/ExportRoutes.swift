import Foundation
import HTTP
import Orchestrator

extension OperatorAPI {
  /// `GET /api/v1/workflow-export?format=csv|json`, with what a list takes to choose runs: all of them, page by page while the client reads.
  ///
  /// JSON is one object a line; CSV is RFC 4180 with a line of names, in which no cell begins a formula of a spreadsheet.
  func exportWorkflows(_ request: HTTPRequest) async throws -> HTTPResponse {
    let client = try await authorized(request)
    let format = request.queryValue("format") ?? "csv"
    guard let format = ExportFormat(rawValue: format) else {
      throw APIProblem.invalid("invalid-query", "\"format\" must be csv or json.")
    }
    let filter = try filter(of: request)
    // What is wrong with the query is told before the answer begins.
    let first = try await client.listWorkflows(filter, limit: Self.exportPage, cursor: nil)
    let stream = ResponseStream { writer in
      var page = first
      try await writer.write(Array(format.head.utf8))
      while true {
        try await writer.write(Array(try page.items.map { try format.line($0) }.joined().utf8))
        guard let cursor = page.nextCursor else { return }
        page = try await client.listWorkflows(filter, limit: Self.exportPage, cursor: cursor)
      }
    }
    return HTTPResponse(
      headers: [
        "Content-Type": format.contentType, "Content-Disposition": "attachment; filename=\"workflows.\(format.rawValue)\"",
        "Cache-Control": "no-store",
      ], body: .stream(stream))
  }

  private static let exportPage = 1000
}

/// How exported runs are written.
enum ExportFormat: String, Sendable {
  case csv, json

  var contentType: String {
    switch self {
    case .csv: "text/csv; charset=utf-8; header=present"
    case .json: "application/x-ndjson"
    }
  }

  var head: String {
    switch self {
    case .csv:
      Self.csvLine([
        "workflowId", "runId", "workflowType", "status", "startedAt", "closedAt", "events", "waitsFor", "blockedCode", "version",
        "searchAttributes",
      ])
    case .json: ""
    }
  }

  func line(_ run: WorkflowSummary) throws -> String {
    switch self {
    case .json: String(decoding: try JSONEncoder().encode(run), as: UTF8.self) + "\n"
    case .csv:
      Self.csvLine([
        run.workflowID, "\(run.runID)", run.workflowType, run.status.rawValue, "\(run.startedAt)", run.closedAt.map { "\($0)" } ?? "",
        run.events.map { "\($0)" } ?? "", run.waitsFor ?? "", run.blockedCode ?? "", run.version ?? "", run.searchAttributes?.text ?? "",
      ])
    }
  }

  private static func csvLine(_ cells: [String]) -> String { cells.map(cell).joined(separator: ",") + "\r\n" }

  /// Spreadsheets take what begins so for a formula: an apostrophe says that it is text.
  private static func cell(_ text: String) -> String {
    let formulas: Set<Unicode.Scalar> = ["=", "+", "-", "@", "\t", "\r"]
    let special: Set<Unicode.Scalar> = [",", "\"", "\r", "\n"]
    let text = text.unicodeScalars.first.map(formulas.contains) == true ? "'" + text : text
    guard text.unicodeScalars.contains(where: special.contains) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}

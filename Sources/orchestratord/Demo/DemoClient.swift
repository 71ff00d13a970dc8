import Foundation
import HTTP

/// What a client of the API does, over real HTTP.
struct DemoClient {
  struct Refused: Error, CustomStringConvertible {
    let description: String
  }

  let base: String
  private let client = HTTPClient()

  init(port: UInt16) {
    base = "http://127.0.0.1:\(port)"
  }

  func get(_ path: String, limit: Int = 64 << 20) async throws -> HTTPClientResponse {
    try await send(HTTPClientRequest(.get, base + path), limit)
  }

  func json(_ path: String) async throws -> [String: Any] {
    let response = try await get(path)
    guard response.status.rawValue == 200 else { throw Self.refusal(path, response) }
    return try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any] ?? [:]
  }

  /// Sends a JSON body.
  func post(_ path: String, _ body: [String: Any], token: String) async throws -> [String: Any] {
    var request = HTTPClientRequest(.post, base + path, body: .bytes(Array(try JSONSerialization.data(withJSONObject: body))))
    request.headers["Content-Type"] = "application/json"
    request.headers["Authorization"] = "Bearer \(token)"
    return try await accepted(path, try await send(request, 1 << 20))
  }

  /// Uploads a song as a browser's form would (RFC 7578).
  func upload(_ song: String, fields: [(String, String)], token: String) async throws -> [String: Any] {
    let boundary = "demo-\(UUID().uuidString)"
    var body = Data()
    for (name, value) in fields {
      body.append(Data("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8))
    }
    let name = URL(fileURLWithPath: song).lastPathComponent.replacingOccurrences(of: "\"", with: "_")
    let type = try Self.mediaType(of: name)
    body.append(
      Data(
        "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\nContent-Type: \(type)\r\n\r\n".utf8))
    body.append(try Data(contentsOf: URL(fileURLWithPath: song)))
    body.append(Data("\r\n--\(boundary)--\r\n".utf8))
    var request = HTTPClientRequest(.post, base + "/api/v1/uploads", body: .bytes(Array(body)))
    request.headers["Content-Type"] = "multipart/form-data; boundary=\(boundary)"
    request.headers["Authorization"] = "Bearer \(token)"
    request.headers["Idempotency-Key"] = UUID().uuidString
    return try await accepted("/api/v1/uploads", try await send(request, 1 << 20))
  }

  private func accepted(_ path: String, _ response: HTTPClientResponse) async throws -> [String: Any] {
    guard (200..<300).contains(response.status.rawValue) else { throw Self.refusal(path, response) }
    return try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any] ?? [:]
  }

  private func send(_ request: HTTPClientRequest, _ limit: Int) async throws -> HTTPClientResponse {
    var request = request
    request.addressPolicy = .publicOrLoopback
    request.responseLimitBytes = limit
    request.totalTimeout = .seconds(120)
    return try await client.send(request)
  }

  private static func refusal(_ path: String, _ response: HTTPClientResponse) -> Refused {
    let problem = try? JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
    return Refused(description: "\(path) answered \(response.status.rawValue): \(problem?["detail"] as? String ?? "no detail")")
  }

  private static func mediaType(of name: String) throws -> String {
    let types = ["mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "m4a": "audio/mp4", "mp4": "audio/mp4", "aac": "audio/aac"]
    let ending = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
    guard let type = types[ending] else {
      throw UsageError("the demo takes mp3, wav, flac, m4a or aac files, not '\(name)'")
    }
    return type
  }
}

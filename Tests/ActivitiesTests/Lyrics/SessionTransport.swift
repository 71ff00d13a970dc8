import Foundation
import FoundationNetworking

@testable import Activities

let sessionTransport: LyricsTransport = { request in
  guard let url = URL(string: request.url) else { throw LyricsFailure(.invalidRequest, "bad address") }
  var message = URLRequest(url: url)
  message.httpMethod = "POST"
  message.httpBody = request.body
  for (name, value) in request.headers { message.setValue(value, forHTTPHeaderField: name) }
  let configuration = URLSessionConfiguration.ephemeral
  configuration.timeoutIntervalForResource = Double(request.timeout.components.seconds)
  do {
    let (data, response) = try await URLSession(configuration: configuration).data(for: message)
    let http = response as? HTTPURLResponse
    return LyricsHTTPResponse(status: http?.statusCode ?? 0, retryAfter: http?.value(forHTTPHeaderField: "Retry-After"), body: data)
  } catch {
    throw LyricsFailure(.unreachable, "no complete answer")
  }
}

let sessionFetch: AudioFetch = { address, path, _ in
  guard let url = URL(string: address) else { throw LyricsFailure(.unreachable, "bad address") }
  let (data, response) = try await URLSession.shared.data(from: url)
  guard (response as? HTTPURLResponse)?.statusCode == 200 else { throw LyricsFailure(.unreachable, "the server did not answer 200") }
  try data.write(to: URL(filePath: path))
}

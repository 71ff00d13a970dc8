import Foundation
import HTTP
import Orchestrator

/// The keys of an issuer: fixed, or those of a key set that is read again now and then, and when a token names a key that is not known.
actor IssuerKeys {
  enum Place: Sendable {
    case fixed([VerificationKey])
    case file(String)
    case url(String, HTTPClient)
  }

  struct Pace: Sendable {
    /// Age from which a set is read again, while the old one still serves.
    var refreshAfter = Duration.seconds(300)
    /// Between two readings: unknown keys in forged tokens must not become requests.
    var atMostEvery = Duration.seconds(10)
    /// Age at which a set that cannot be read again serves no more.
    var forgetAfter = Duration.hours(24)
  }

  private let place: Place
  private let pace: Pace
  private var keys: [VerificationKey]
  private var readAt: ContinuousClock.Instant?
  private var triedAt: ContinuousClock.Instant?
  private var reading: Task<Void, Never>?

  init(_ place: Place, pace: Pace = Pace()) {
    self.place = place
    self.pace = pace
    if case .fixed(let keys) = place { self.keys = keys } else { keys = [] }
  }

  /// The keys that may have signed the token: those of its `kid` and algorithm; without a `kid` the only one of its algorithm.
  /// - Throws: `TokenError.keyNotKnown`; `APIProblem` 503 when the keys were never read.
  func candidates(for token: SignedToken) async throws -> [VerificationKey] {
    var found = matching(token)
    if case .fixed = place {
      guard !found.isEmpty else { throw TokenError.keyNotKnown }
      return found
    }
    let now = ContinuousClock.now
    let isFresh = readAt.map { now - $0 < pace.refreshAfter } ?? false
    if found.isEmpty || readAt.map({ now - $0 > pace.forgetAfter }) ?? true {
      await read(now)
      found = matching(token)
    } else if !isFresh {
      // The request does not wait for the issuer.
      Task { await read(now) }
    }
    guard let readAt, ContinuousClock.now - readAt <= pace.forgetAfter else {
      throw APIProblem.unavailable("The keys that tokens are checked with cannot be read at the moment. Try again.")
    }
    guard !found.isEmpty else { throw TokenError.keyNotKnown }
    return found
  }

  private func matching(_ token: SignedToken) -> [VerificationKey] {
    let fitting = keys.filter { $0.algorithm == token.algorithm }
    guard let keyID = token.keyID else { return fitting.count == 1 ? fitting : [] }
    return fitting.filter { $0.keyID == keyID }
  }

  /// One reading at a time, and not too often.
  private func read(_ now: ContinuousClock.Instant) async {
    if let reading { return await reading.value }
    if let triedAt, now - triedAt < pace.atMostEvery { return }
    triedAt = now
    let task = Task { [place] in
      do {
        keys = try await Self.load(place)
        readAt = .now
      } catch {
        Log.warning("token-keys", "the keys that tokens are checked with cannot be read: \(error)")
      }
    }
    reading = task
    await task.value
    reading = nil
  }

  private static func load(_ place: Place) async throws -> [VerificationKey] {
    switch place {
    case .fixed(let keys): return keys
    case .file(let path):
      guard let data = FileManager.default.contents(atPath: path) else { throw UsageError("the file \(path) cannot be read") }
      return try JSONWebKeySet(json: [UInt8](data), takesSecrets: true).keys
    case .url(let url, let client):
      var request = HTTPClientRequest(.get, url, headers: ["Accept": "application/jwk-set+json, application/json"])
      request.connectTimeout = .seconds(3)
      request.totalTimeout = .seconds(5)
      request.responseLimitBytes = JSONWebKeySet.largestDocument
      // The operator named it, and an issuer inside the house is common.
      request.addressPolicy = .unrestricted
      let response = try await client.send(request)
      guard response.status == .ok else { throw UsageError("the issuer answered \(response.status)") }
      return try JSONWebKeySet(json: response.body, takesSecrets: false).keys
    }
  }
}

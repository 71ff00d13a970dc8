import HTTP
import Workflows

extension MusicAPI {
  /// `POST /api/v1/uploads`: the file goes to staging while it comes; then one transaction makes the track and starts its workflow.
  func upload(_ request: HTTPRequest) async throws -> HTTPResponse {
    let principal = try await authentication.principal(of: request)
    try principal.require(.artist)
    let key = try IdempotencyKey(of: request)
    return try await keysInFlight.holding(key, of: principal.userID) {
      let admission = UploadAdmission(catalog: catalog, limits: limits)
      return try await admission.admitting(principal.userID, bytes: UploadReceiver.fileBytes(of: request, limits)) {
        let received = try await UploadReceiver(store: store, limits: limits).receive(request, as: TrackID())
        do {
          return try await acceptance.accept(received, of: principal.userID, key: key).response(to: principal, tokens)
        } catch {
          await acceptance.giveUp(received, because: error)
          throw error
        }
      }
    }
  }
}

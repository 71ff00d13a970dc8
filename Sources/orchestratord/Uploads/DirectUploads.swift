import Activities
import Foundation
import HTTP
import PostgreSQL
import Workflows

/// Takes uploads that went straight to the store, whoever says first and however often that they are there.
struct DirectUploads: Sendable {
  let catalog: TrackCatalog
  let store: any ObjectStore
  let acceptance: UploadAcceptance

  /// Makes the announced file a track; done again it changes nothing.
  ///
  /// The file is moved out of reach of its URL first: what is checked and hashed then is what is processed, whatever is stored later.
  /// - Throws: `APIProblem` 409 while nothing is stored, 422 when it is not what was announced.
  func take(_ request: UploadRequest) async throws -> AcceptedUpload {
    if let accepted = try await accepted(request.id) { return accepted }
    do {
      return try await stage(request)
    } catch let error as APIProblem where error.name == Self.notThere {
      // Between the two looks somebody else may have accepted it and a step moved it on.
      guard let accepted = try await accepted(request.id) else { throw error }
      return accepted
    }
  }

  private static let notThere = "upload-not-there"

  private func accepted(_ id: TrackID) async throws -> AcceptedUpload? {
    do {
      return AcceptedUpload(trackID: try await catalog.track(id).id, isRepeated: true)
    } catch let error as CatalogError where error.code == .trackNotFound {
      return nil
    }
  }

  private func stage(_ request: UploadRequest) async throws -> AcceptedUpload {
    let staged = try TrackKeys.staged(request.id, as: request.type)
    if try await store.info(staged) == nil {
      guard let info = try await store.info(request.key) else {
        throw APIProblem(.conflict, Self.notThere, "Nothing was stored by the URL of this upload so far. Store the file, then confirm.")
      }
      try check(size: Int64(info.size), type: info.contentType, request)
      try await store.move(request.key, to: staged)
    }
    let form = try JSONDecoder().decode(UploadForm.self, from: Data(request.form.utf8))
    let received = try await acceptance.read(staged, as: request.type, fileName: request.fileName, form: form, for: request.id)
    do {
      try check(size: received.source.sizeBytes, type: nil, request)
    } catch {
      // Somebody stored another file between the look and the move: that one is not what was announced.
      try await store.delete(staged)
      throw error
    }
    do {
      return try await acceptance.accept(received, of: request.artistID)
    } catch let error as DatabaseError where error.sqlState == "23505" {
      // The same upload was being accepted at the same moment; now its track is there.
      return try await acceptance.accept(received, of: request.artistID)
    }
  }

  private func check(size: Int64, type: String?, _ request: UploadRequest) throws {
    guard size == request.sizeBytes, type.map({ $0 == request.type.rawValue }) ?? true else {
      throw APIProblem(
        .unprocessableContent, "upload-differs",
        "What was stored has \(size) bytes of type \(type ?? request.type.rawValue); announced were \(request.sizeBytes) of "
          + "\(request.type.rawValue). Store the announced file, then confirm.")
    }
  }
}

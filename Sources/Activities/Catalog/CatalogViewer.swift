import PostgreSQL
import Workflows

/// For whom the catalogue is read.
public struct CatalogViewer: Sendable, Equatable {
  public let userID: String
  /// Whether the tracks of all artists are shown.
  public let seesAllTracks: Bool
  /// One track that is shown whoever owns it; nil for none.
  public let track: TrackID?

  public init(userID: String, seesAllTracks: Bool = false, track: TrackID? = nil) {
    self.userID = userID
    self.seesAllTracks = seesAllTracks
    self.track = track
  }

  /// Makes the transaction that it begins one of the role `orchestrator_api`, which sees this viewer's rows only.
  public var bound: BoundStatement {
    (CatalogStatements.becomeViewer, Parameters(userID, seesAllTracks ? "on" : "off", track?.description ?? ""))
  }
}

extension TrackCatalog {
  /// The same catalogue as the viewer may see it: PostgreSQL's row security leaves out all other rows, whatever is asked for. Only what the
  /// viewer was told can be changed through this.
  public func seen(by viewer: CatalogViewer) -> TrackCatalog { TrackCatalog(database, viewer: viewer) }
}

import Activities
import HTTP
import Workflows

extension MusicAPI {
  /// The forms in which players read timed lyrics.
  private enum LyricsForm: String {
    case webVTT = "lyrics.vtt"
    case lrc = "lyrics.lrc"

    var contentType: String {
      switch self {
      case .webVTT: "text/vtt; charset=utf-8"
      case .lrc: "text/plain; charset=utf-8"
      }
    }
  }

  /// `GET /stream/{id}/lyrics.vtt` and `.lrc`: what is sung when, for players; nil for any other name.
  func lyricsFile(named name: String, of track: TrackRecord) async throws -> HTTPResponse? {
    guard let form = LyricsForm(rawValue: name) else { return nil }
    guard let lyrics = try await catalog.lyrics(track.id)?.lyrics else {
      throw APIProblem(.notFound, "file-not-found", "This track has no lyrics (yet).")
    }
    let text =
      switch form {
      case .webVTT: lyrics.webVTT()
      case .lrc: lyrics.lrc(title: track.title, artist: track.probe?.tags.artist)
      }
    return HTTPResponse(headers: ["Content-Type": form.contentType], body: .bytes(Array(text.utf8)))
  }
}

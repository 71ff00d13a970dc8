import Activities
import Foundation
import Workflows

/// The URLs that external processors are given: of a job's input, by the store, and of the place where its result is reported.
struct ProcessorAddresses: Sendable {
  let tokens: OwnTokens
  /// As processors reach it.
  let bucket: Bucket
  /// Where they reach this service.
  let publicURL: String

  var links: ProcessorLinks {
    ProcessorLinks(
      input: { work, lifetime in
        let read = bucket.download(try ObjectKey(work.input.key), from: SigningTime(Date()), lifetime: lifetime)
        return (read.url, Double(read.expiresAt.seconds))
      },
      callback: { work, lifetime in
        // Longer than the job is waited for: a late word is answered and changes nothing.
        let token = try tokens.report(of: Self.subject(work.jobID, tries: work.tries), lasting: lifetime + .hours(1))
        return ("\(publicURL)/api/v1/webhooks/jobs/\(work.jobID)", token)
      })
  }

  /// What a token for reports is about: one try of one job.
  static func subject(_ job: JobID, tries: Int) -> String { "\(job)/\(tries)" }
}

import HTTP

extension AddressPolicy {
  /// Reads what `--webhook-addresses` says.
  init(setting text: String) throws(UsageError) {
    switch text {
    case "public": self = .publicOnly
    case "loopback": self = .publicOrLoopback
    case "any": self = .unrestricted
    default: throw UsageError("where webhooks may be sent is public, loopback (public and this machine) or any, not '\(text)'")
    }
  }
}

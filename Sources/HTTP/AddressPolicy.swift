import CCurl

/// The 4 bytes of an IPv4 or the 16 of an IPv6 address, in network order.
public struct IPAddress: Sendable, Hashable {
  public let bytes: [UInt8]

  /// Nil unless there are 4 or 16 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// Nil when the text is no numeric address.
  public init?(_ text: String) {
    var buffer = [UInt8](repeating: 0, count: 16)
    let count = Int(curl_address_of_text(text, &buffer))
    self.init(bytes: Array(buffer[..<count]))
  }

  /// The IPv4 address inside one that is written as IPv6 (RFC 4291 section 2.5.5.2, RFC 6052 section 2.1), else itself.
  public var unwrapped: IPAddress {
    guard bytes.count == 16 else { return self }
    let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    let isTranslated = bytes[..<12].elementsEqual([0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
    guard isMapped || isTranslated else { return self }
    return IPAddress(bytes: Array(bytes[12...])) ?? self
  }

  /// Whether the first `length` bits are those of `network`.
  func isIn(_ network: [UInt8], _ length: Int) -> Bool {
    for bit in 0..<length {
      let mask: UInt8 = 0x80 >> UInt8(bit % 8)
      let expected = bit / 8 < network.count ? network[bit / 8] & mask : 0
      if bytes[bit / 8] & mask != expected { return false }
    }
    return true
  }
}

/// Which addresses a transfer may reach; checked on the address that is connected to, so that a name which resolves to
/// another address the second time gains nothing.
public enum AddressPolicy: Sendable {
  /// Only addresses that are globally reachable: for every URL that came from outside.
  case publicOnly
  /// Also this machine: for development and tests.
  case publicOrLoopback
  /// Every address: for URLs from the operator's configuration.
  case unrestricted

  public func allows(_ address: IPAddress) -> Bool {
    switch self {
    case .publicOnly: Self.isPublic(address.unwrapped)
    case .publicOrLoopback: Self.isPublic(address.unwrapped) || Self.isLoopback(address.unwrapped)
    case .unrestricted: true
    }
  }

  private static func isLoopback(_ address: IPAddress) -> Bool {
    address.bytes.count == 4 ? address.bytes[0] == 127 : address.isIn([], 127) && address.bytes[15] == 1
  }

  private static func isPublic(_ address: IPAddress) -> Bool {
    if address.bytes.count == 4 { return !reservedIPv4.contains { address.isIn($0, $1) } }
    return address.isIn([0x20], 3) && !reservedIPv6.contains { address.isIn($0, $1) }
  }

  /// Not globally reachable by IANA's special-purpose registry (RFC 6890 and its updates), and multicast.
  private static let reservedIPv4: [([UInt8], Int)] = [
    ([0], 8), ([10], 8), ([100, 64], 10), ([127], 8), ([169, 254], 16), ([172, 16], 12), ([192, 0, 0], 24), ([192, 0, 2], 24),
    ([192, 88, 99], 24), ([192, 168], 16), ([198, 18], 15), ([198, 51, 100], 24), ([203, 0, 113], 24), ([224], 4), ([240], 4),
  ]

  /// Inside the global unicast block 2000::/3, which is all that is allowed: protocol assignments with Teredo,
  /// documentation, 6to4 (its IPv4 address could be private), documentation again.
  private static let reservedIPv6: [([UInt8], Int)] = [
    ([0x20, 0x01, 0x00], 23), ([0x20, 0x01, 0x0D, 0xB8], 32), ([0x20, 0x02], 16), ([0x3F, 0xFF, 0x00], 20),
  ]
}

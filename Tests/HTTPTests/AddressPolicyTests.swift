import Testing

@testable import HTTP

@Suite("The address policy") struct AddressPolicyTests {
  static let reserved = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
    "::2", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff:1::1", "5f00::1",
    "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
  ]

  static let global = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "198.17.255.255",
    "223.255.255.255", "9.255.255.255", "11.0.0.1", "2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "2001:200::1",
    "::ffff:8.8.8.8", "64:ff9b::808:808", "3ffe::1",
  ]

  @Test("for outside URLs refuses what is not globally reachable", arguments: reserved)
  func reservedAddress(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(!AddressPolicy.publicOnly.allows(address))
    #expect(AddressPolicy.unrestricted.allows(address))
  }

  @Test("lets pass what is globally reachable", arguments: global)
  func globalAddress(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(AddressPolicy.publicOnly.allows(address))
    #expect(AddressPolicy.publicOrLoopback.allows(address))
  }

  @Test("lets pass this machine, and only it, when told so")
  func loopback() throws {
    for text in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
      #expect(AddressPolicy.publicOrLoopback.allows(try #require(IPAddress(text))), "\(text)")
    }
    for text in ["10.0.0.1", "::", "::2", "fe80::1", "169.254.169.254", "0.0.0.0"] {
      #expect(!AddressPolicy.publicOrLoopback.allows(try #require(IPAddress(text))), "\(text)")
    }
  }

  @Test("reads only numeric addresses", arguments: ["", "localhost", "1.2.3", "256.1.1.1", "0x7f.1", "::g", "1.2.3.4.5", "127.1"])
  func text(_ text: String) {
    #expect(IPAddress(text) == nil)
  }
}

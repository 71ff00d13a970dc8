import Cryptography
import Testing

@Suite struct PasswordHashTests {
  @Test func `A password fits its hash of ten rounds, and no other does`() throws {
    let hash = try #require(PasswordHash.make("correct horse battery"))
    #expect(hash.hasPrefix("$2b$10$") && hash.utf8.count == 60)
    #expect(PasswordHash.fits("correct horse battery", hash))
    for other in ["correct horse batterz", "correct horse battery ", "", "Correct horse battery"] {
      #expect(!PasswordHash.fits(other, hash))
    }
    #expect(PasswordHash.make("correct horse battery") != hash, "every hash has its own salt")
  }

  @Test func `The vector of other implementations of bcrypt fits`() {
    #expect(PasswordHash.fits("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"))
    #expect(!PasswordHash.fits("U*V", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"))
  }

  @Test func `What bcrypt would cut is refused, and what is no hash fits nothing`() throws {
    let longest = String(repeating: "x", count: 72)
    let hash = try #require(PasswordHash.make(longest))
    #expect(PasswordHash.fits(longest, hash) && !PasswordHash.fits(longest + "y", hash))
    #expect(PasswordHash.make(longest + "y") == nil && PasswordHash.make("") == nil && PasswordHash.make("a\0b") == nil)
    for text in ["", "*0", "plain", String(repeating: "$", count: 60), "$2b$10$" + String(repeating: "é", count: 30)] {
      #expect(!PasswordHash.fits("plain", text))
    }
  }
}

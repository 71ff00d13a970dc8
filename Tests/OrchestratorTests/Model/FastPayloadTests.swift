import Foundation
import Testing

@testable import Orchestrator

/// The fast way of payloads must be Foundation's way, or say that it does not know.
@Suite struct FastPayloadTests {
  struct Everything: Codable, Equatable {
    enum Mood: String, Codable, CaseIterable { case calm, wild }
    enum Shape: Codable, Equatable {
      case point
      case circle(radius: Double)
    }
    struct Line: Codable, Equatable {
      var startTime: Int64
      var text: String
      var words: [String]?
    }

    var flag = true
    var tiny: Int8 = -128
    var big = UInt64.max
    var small = Int64.min
    var ratio = 0.1
    var single: Float = 3.5
    var name = "Käfer über Zürich 🎵"
    var missing: String?
    var mood = Mood.wild
    var shape = Shape.circle(radius: 2)
    var lines: [Line] = []
    var byName: [String: Int] = [:]
    var byNumber: [Int: Bool] = [:]
    var id = UUID(uuidString: "0190F3A0-7C1E-7000-8000-0123456789AB")
    var at = Date(timeIntervalSinceReferenceDate: 700_000_000.25)
    var nested: [[Int]] = [[], [1], [2, 3]]
    var nothing = Nothing()
  }

  private static func reference<Value: Encodable>(_ value: Value) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(value))
  }

  private static func random(_ generator: inout some RandomNumberGenerator) -> Everything {
    var value = Everything()
    value.tiny = Int8.random(in: .min ... .max, using: &generator)
    value.small = Int64.random(in: .min ... .max, using: &generator)
    value.ratio = Double(bitPattern: UInt64.random(in: .min ... .max, using: &generator))
    if !value.ratio.isFinite { value.ratio = 1e22 }
    value.single = Float.random(in: -1e9...1e9, using: &generator)
    value.mood = Everything.Mood.allCases.randomElement(using: &generator) ?? .calm
    value.shape = Bool.random(using: &generator) ? .point : .circle(radius: Double(Int.random(in: 0...9, using: &generator)))
    for number in 0..<Int.random(in: 0...5, using: &generator) {
      value.lines.append(.init(startTime: Int64(number), text: "line \(number) / é", words: number % 2 == 0 ? nil : ["a", "b"]))
      value.byName["key \(number)"] = number
      value.byNumber[number] = true
    }
    return value
  }

  @Test("Random values encode to JSONEncoder's bytes and come back equal")
  func random() throws {
    let seed = RunID.generate()
    var generator = DeterministicRandom(seed: seed)
    for round in 0..<500 {
      let value = Self.random(&generator)
      let bytes = try #require(FastPayloadEncoder.encode(value), "seed \(seed), round \(round)")
      #expect(bytes == (try Self.reference(value)), "seed \(seed), round \(round)")
      #expect(FastPayloadDecoder.decode(Everything.self, from: bytes) == value, "seed \(seed), round \(round)")
    }
  }

  @Test("Values of one kind encode as JSONEncoder has them")
  func scalars() throws {
    #expect(FastPayloadEncoder.encode(5) == (try Self.reference(5)))
    #expect(FastPayloadEncoder.encode("text") == (try Self.reference("text")))
    #expect(FastPayloadEncoder.encode(1.0) == (try Self.reference(1.0)))
    #expect(FastPayloadEncoder.encode(1e20) == (try Self.reference(1e20)))
    #expect(FastPayloadEncoder.encode(-0.0) == (try Self.reference(-0.0)))
    #expect(FastPayloadEncoder.encode(Double.leastNormalMagnitude) == (try Self.reference(Double.leastNormalMagnitude)))
    #expect(FastPayloadEncoder.encode(Nothing()) == (try Self.reference(Nothing())))
    #expect(FastPayloadEncoder.encode(nil as Int?) == (try Self.reference(nil as Int?)))
    #expect(FastPayloadEncoder.encode([String]()) == (try Self.reference([String]())))
    let names = ["B": 1, "a": 2, "A": 3, "b10": 4, "b9": 5]
    #expect(FastPayloadEncoder.encode(names) == (try Self.reference(names)))
  }

  @Test("What Foundation treats in its own way is left to it, and travels all the same")
  func leftToFoundation() throws {
    #expect(FastPayloadEncoder.encode(Data([1, 2])) == nil)
    #expect(FastPayloadEncoder.encode(["url": URL(string: "https://example.org")]) == nil)
    #expect(FastPayloadEncoder.encode([Decimal(1)]) == nil)
    #expect(FastPayloadEncoder.encode("a \"quoted\" text\n") == nil)
    #expect(FastPayloadEncoder.encode(Double.nan) == nil)
    let text = "a \"quoted\" text\n\u{1F3B5}\\"
    #expect(try PayloadCodec.decode(String.self, from: PayloadCodec.encode(text)) == text)
    let data = ["data": Data([1, 2, 3])]
    #expect(try PayloadCodec.decode([String: Data].self, from: PayloadCodec.encode(data)) == data)
  }

  @Test(
    "What is not plain JSON is not decoded the fast way",
    arguments: [
      "", "{", "{}x", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "1.", ".5", "+1", "\"\u{1}\"", "\"a", "nul", "{a:1}", "[1 2]",
      "{\"a\"}",
      "\"\\u00e9\"",
    ])
  func refused(text: String) {
    #expect(FastPayloadDecoder.decode([String: Int].self, from: Array(text.utf8)) == nil)
    #expect(FastPayloadDecoder.decode([Int].self, from: Array(text.utf8)) == nil)
    #expect(FastPayloadDecoder.decode(Int.self, from: Array(text.utf8)) == nil)
    #expect(FastPayloadDecoder.decode(String.self, from: Array(text.utf8)) == nil)
  }

  @Test("Broken UTF-8, wrong kinds and numbers out of range are left to Foundation")
  func doubtful() {
    #expect(FastPayloadDecoder.decode(String.self, from: [0x22, 0xFF, 0x22]) == nil)
    #expect(FastPayloadDecoder.decode(Int8.self, from: Array("128".utf8)) == nil)
    #expect(FastPayloadDecoder.decode(UInt.self, from: Array("-1".utf8)) == nil)
    #expect(FastPayloadDecoder.decode(Int.self, from: Array("1.0".utf8)) == nil)
    #expect(FastPayloadDecoder.decode(Bool.self, from: Array("1".utf8)) == nil)
    #expect(FastPayloadDecoder.decode(Double.self, from: Array("1e999".utf8)) == nil)
    #expect(FastPayloadDecoder.decode([Int?].self, from: Array(" [ 1 , null ] ".utf8)) == [1, nil])
    #expect(FastPayloadDecoder.decode(Int8.self, from: Array("-128".utf8)) == -128)
  }
}

/// A type that tries one shape after another, as unions of JSON values do.
private enum NumberOrText: Codable, Equatable {
  case number(Decimal)
  case text(String)

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Decimal.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    }
  }
}

@Suite struct SwallowedErrorTests {
  @Test(arguments: ["[1.5,2]", #"["a"]"#, #"[1,"a\n"]"#])
  func `a type that swallows errors decodes as with JSONDecoder`(text: String) throws {
    let expected = try JSONDecoder().decode([NumberOrText].self, from: Data(text.utf8))
    #expect(try PayloadCodec.decode([NumberOrText].self, from: Payload(json: Array(text.utf8))) == expected)
    #expect(try PayloadCodec.decode([NumberOrText].self, from: PayloadCodec.encode(expected)) == expected)
  }
}

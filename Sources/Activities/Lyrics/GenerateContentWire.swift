/// The JSON of `POST /v1beta/models/{model}:generateContent`, as far as lyrics need it; unknown members are ignored.
struct GenerateContentRequest: Codable, Sendable {
  var systemInstruction: GenerateContent?
  var contents: [GenerateContent]
  var generationConfig: GenerationConfig?
}

struct GenerateContent: Codable, Sendable {
  var role: String?
  var parts: [GenerateContentPart]?
}

struct GenerateContentPart: Codable, Sendable {
  var text: String?
  /// True for the model's own reasoning, which is not part of the answer.
  var thought: Bool?
  var fileData: FileData?
  var inlineData: InlineData?

  struct FileData: Codable, Sendable {
    var mimeType: String?
    var fileUri: String
  }

  struct InlineData: Codable, Sendable {
    var mimeType: String?
    /// Base64; clients send the standard and the URL-safe alphabet.
    var data: String
  }
}

struct GenerationConfig: Codable, Sendable {
  var responseMimeType: String?
  var responseJsonSchema: JSONValue?
  var responseSchema: JSONValue?
  var temperature: Double?
  var maxOutputTokens: Int?
}

struct GenerateContentResponse: Codable, Sendable {
  var candidates: [Candidate]?
  var promptFeedback: PromptFeedback?
  var usageMetadata: UsageMetadata?
  var modelVersion: String?
  var responseId: String?

  struct Candidate: Codable, Sendable {
    var content: GenerateContent?
    var finishReason: String?
    /// Mean logarithm of the probability of the answer's tokens; its exponential serves as confidence.
    var avgLogprobs: Double?
    var index: Int?
  }

  struct PromptFeedback: Codable, Sendable {
    var blockReason: String?
  }

  struct UsageMetadata: Codable, Sendable {
    var promptTokenCount: Int?
    var candidatesTokenCount: Int?
    var totalTokenCount: Int?
  }
}

/// Google's error shape: `{error: {code, message, status, details}}` (google.rpc.Status as JSON).
struct GoogleErrorResponse: Codable, Sendable {
  var error: Status

  struct Status: Codable, Sendable {
    var code: Int
    var message: String?
    var status: String?
    var details: [Detail]?
  }

  struct Detail: Codable, Sendable {
    var type: String?
    /// A protobuf duration such as "34s" or "1.5s", in details of type google.rpc.RetryInfo.
    var retryDelay: String?
    /// The machine-readable cause, in details of type google.rpc.ErrorInfo.
    var reason: String?

    enum CodingKeys: String, CodingKey {
      case type = "@type"
      case reason
      case retryDelay
    }
  }

  static let errorInfoType = "type.googleapis.com/google.rpc.ErrorInfo"
  static let invalidKeyReason = "API_KEY_INVALID"
  static let retryInfoType = "type.googleapis.com/google.rpc.RetryInfo"
}

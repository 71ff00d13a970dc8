import Foundation

/// Google's google-genai for Python, an independent speaker of the wire format, pointed at a local port.
enum GoogleClient {
  private static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL.path
  private static let python = root + "/.build/venv/bin/python3"

  static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: python) }

  private static let program = """
    import json, sys
    from google import genai
    from google.genai import errors, types
    port, key, path = sys.argv[1:]
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=f"http://127.0.0.1:{port}"))
    line = {"type": "object", "properties": {"startTime": {"type": "integer"}, "endTime": {"type": "integer"}, "text": {"type": "string"}}}
    try:
        answer = client.models.generate_content(
            model="pocketsphinx-en-us",
            contents=["Transcribe.", types.Part.from_bytes(data=open(path, "rb").read(), mime_type="audio/wav")],
            config=types.GenerateContentConfig(
                system_instruction="Only JSON.", response_mime_type="application/json",
                response_json_schema={"type": "object", "properties": {"lines": {"type": "array", "items": line}}}))
        assert answer.candidates[0].avg_logprobs <= 0 and answer.usage_metadata.total_token_count > 0 and answer.response_id
        print(json.dumps({"text": answer.text, "finish_reason": answer.candidates[0].finish_reason.value, "model_version": answer.model_version}))
    except errors.APIError as error:
        print(json.dumps({"code": str(error.code), "status": error.status, "message": error.message}))
    """

  /// The client's view of the answer: text, finish_reason and model_version, or code, status and message.
  static func ask(_ port: UInt16, key: String, wav: Data) async throws -> [String: String] {
    let path = FileManager.default.temporaryDirectory.appending(path: "google-client-\(UUID().uuidString).wav").path
    try wav.write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = ["-c", program, "\(port)", key, path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return try JSONDecoder().decode([String: String].self, from: printed)
  }
}

import Foundation

/// An S3 that is not ours: moto, in the environment that scripts/python-tools makes, with an empty bucket `music`.
public final class MotoServer: Sendable {
  private struct Started: Decodable {
    let port: Int
    let keyID: String
    let secret: String
  }

  private static let program = """
    import json, logging, sys
    import boto3
    from moto.server import ThreadedMotoServer
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    def client(name):
        return boto3.client(name, endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                            aws_access_key_id="setup", aws_secret_access_key="setup")
    client("s3").create_bucket(Bucket="music")
    iam = client("iam")
    iam.create_user(UserName="orchestrator")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="orchestrator", PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="orchestrator")["AccessKey"]
    print(json.dumps({"port": port, "keyID": key["AccessKeyId"], "secret": key["SecretAccessKey"]}), flush=True)
    sys.stdin.read()
    """

  public let endpoint: String
  public let keyID: String
  public let secret: String
  public static let region = "us-east-1"
  /// The program ends when this is closed.
  private let input: FileHandle

  /// - Parameter checksSignatures: whether it refuses requests without a right signature in their header; it cannot check those in URLs.
  public init(checksSignatures: Bool) throws {
    let process = Process()
    process.executableURL = URL(filePath: PythonTool.interpreter)
    process.arguments = ["-c", Self.program]
    var environment = ProcessInfo.processInfo.environment
    // The four requests that make the bucket and the user come before there is a key.
    if checksSignatures { environment["INITIAL_NO_AUTH_ACTION_COUNT"] = "4" }
    process.environment = environment
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    self.input = input.fileHandleForWriting
    // One line, which comes at once or never.
    let started = try JSONDecoder().decode(Started.self, from: output.fileHandleForReading.availableData)
    endpoint = "http://127.0.0.1:\(started.port)"
    keyID = started.keyID
    secret = started.secret
  }

  deinit { try? input.close() }
}

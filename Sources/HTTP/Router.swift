/// Answers one request; an error becomes a response.
public typealias HTTPHandler = @Sendable (HTTPRequest) async throws -> HTTPResponse

/// Wraps every handler of a router; it may answer itself or call the handler it is given.
public typealias HTTPMiddleware = @Sendable (HTTPRequest, HTTPHandler) async throws -> HTTPResponse

/// Finds the handler of a method and a path.
///
/// Patterns are paths whose segments are text or `{name}`, the last one also `{name...}` for all segments that are left; text wins
/// over a parameter, and that over the rest. `HEAD` is answered by `GET` handlers, `OPTIONS` by the list of methods.
public struct Router: Sendable {
  private struct Node: Sendable {
    var children: [String: Node] = [:]
    var parameterChild: [Node] = []
    var restChild: [Node] = []
    var endpoints: [HTTPMethod: Endpoint] = [:]
  }

  private struct Endpoint: Sendable {
    let pattern: String
    let parameterNames: [String]
    let handler: HTTPHandler
  }

  private var root = Node()
  private var middleware: [HTTPMiddleware] = []

  public init() {}

  /// Adds a route.
  ///
  /// Two routes of the same method and shape are a mistake of the program and stop it.
  public mutating func on(_ method: HTTPMethod, _ pattern: String, _ handler: @escaping HTTPHandler) {
    precondition(pattern.hasPrefix("/"), "route pattern \"\(pattern)\" must start with a slash")
    let segments = pattern.split(separator: "/").map(String.init)
    let names = segments.compactMap(Self.parameterName)
    Self.insert(segments[...], Endpoint(pattern: pattern, parameterNames: names, handler: handler), method, pattern, into: &root)
  }

  /// Every route, as it was added: by its path, then by its method.
  public var routes: [(method: HTTPMethod, pattern: String)] {
    Self.endpoints(below: root).sorted { ($0.pattern, $0.method.rawValue) < ($1.pattern, $1.method.rawValue) }
  }

  private static func endpoints(below node: Node) -> [(method: HTTPMethod, pattern: String)] {
    node.endpoints.map { ($0.key, $0.value.pattern) }
      + (Array(node.children.values) + node.parameterChild + node.restChild).flatMap { endpoints(below: $0) }
  }

  /// Adds a wrapper around every handler, also around 404 and 405; the first added is the outermost.
  public mutating func use(_ middleware: @escaping HTTPMiddleware) { self.middleware.append(middleware) }

  /// The response to a request; never throws, so that it can be given to ``HTTPServer``.
  public func respond(to request: HTTPRequest) async -> HTTPResponse {
    var request = request
    let matched = match(request)
    request.route = matched.pattern
    request.parameters = matched.parameters
    let chain = middleware.reversed().reduce(matched.handler) { inner, wrapper in
      { request in try await wrapper(request, Self.catching(inner)) }
    }
    return await Self.answer(request, chain)
  }

  /// Errors become responses before a wrapper sees them, so that every wrapper can count and log statuses.
  private static func catching(_ handler: @escaping HTTPHandler) -> HTTPHandler {
    { request in await answer(request, handler) }
  }

  private static func answer(_ request: HTTPRequest, _ handler: HTTPHandler) async -> HTTPResponse {
    do {
      return try await handler(request)
    } catch let error as any HTTPResponseConvertible {
      return error.response
    } catch is CancellationError {
      return HTTPError(.serviceUnavailable, "The request was cancelled before it was answered. Try again.").response
    } catch {
      return HTTPError(.internalServerError, "The server failed to answer. Try again, or ask the operator.").response
    }
  }

  private static func parameterName(_ segment: String) -> String? {
    guard segment.hasPrefix("{"), segment.hasSuffix("}") else { return nil }
    return String(segment.dropFirst().dropLast(isRest(segment) ? 4 : 1))
  }

  private static func isRest(_ segment: String) -> Bool { segment.hasSuffix("...}") }

  private static func insert(
    _ segments: ArraySlice<String>, _ endpoint: Endpoint, _ method: HTTPMethod, _ pattern: String, into node: inout Node
  ) {
    guard let segment = segments.first else {
      precondition(node.endpoints[method] == nil, "route \(method.rawValue) \(pattern) is declared twice")
      node.endpoints[method] = endpoint
      return
    }
    if isRest(segment) {
      precondition(segments.count == 1, "route pattern \"\(pattern)\" must end with the parameter for its rest")
      if node.restChild.isEmpty { node.restChild.append(Node()) }
      insert([], endpoint, method, pattern, into: &node.restChild[0])
    } else if parameterName(segment) != nil {
      if node.parameterChild.isEmpty { node.parameterChild.append(Node()) }
      insert(segments.dropFirst(), endpoint, method, pattern, into: &node.parameterChild[0])
    } else {
      insert(segments.dropFirst(), endpoint, method, pattern, into: &node.children[segment, default: Node()])
    }
  }
}

extension Router {
  private struct Match {
    let handler: HTTPHandler
    var pattern: String?
    var parameters: [String: String] = [:]
  }

  private func match(_ request: HTTPRequest) -> Match {
    if request.rawPath == "*" { return Match(handler: Self.options([.get, .head, .options])) }
    var values: [String] = []
    guard let node = Self.find(request.pathSegments[...], in: root, &values) else {
      return Match { _ in throw HTTPError(.notFound, "There is nothing at this path. Check its spelling.") }
    }
    let method = request.method == .head && node.endpoints[.head] == nil ? .get : request.method
    if let endpoint = node.endpoints[method] {
      let parameters = Dictionary(zip(endpoint.parameterNames, values)) { _, last in last }
      return Match(handler: endpoint.handler, pattern: endpoint.pattern, parameters: parameters)
    }
    let allowed = Self.allowed(node)
    return Match(handler: request.method == .options ? Self.options(allowed) : Self.methodNotAllowed(allowed))
  }

  private static func find(_ segments: ArraySlice<String>, in node: Node, _ values: inout [String]) -> Node? {
    guard let segment = segments.first else { return node.endpoints.isEmpty ? nil : node }
    if let child = node.children[segment], let found = find(segments.dropFirst(), in: child, &values) { return found }
    if let child = node.parameterChild.first {
      values.append(segment)
      if let found = find(segments.dropFirst(), in: child, &values) { return found }
      values.removeLast()
    }
    guard let rest = node.restChild.first else { return nil }
    values.append(segments.joined(separator: "/"))
    return rest
  }

  private static func allowed(_ node: Node) -> [HTTPMethod] {
    var methods = Set(node.endpoints.keys)
    if methods.contains(.get) { methods.insert(.head) }
    methods.insert(.options)
    return methods.sorted { $0.rawValue < $1.rawValue }
  }

  private static func options(_ allowed: [HTTPMethod]) -> HTTPHandler {
    { _ in HTTPResponse(.noContent, headers: ["Allow": allowed.map(\.rawValue).joined(separator: ", ")]) }
  }

  private static func methodNotAllowed(_ allowed: [HTTPMethod]) -> HTTPHandler {
    { _ in
      let list = allowed.map(\.rawValue).joined(separator: ", ")
      var response = HTTPError(.methodNotAllowed, "This path answers only \(list).").response
      response.headers["Allow"] = list
      return response
    }
  }
}

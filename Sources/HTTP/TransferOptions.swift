import CCurl

/// Gives a transfer's request to a handle of libcurl.
struct TransferOptions: ~Copyable {
  private var headers: UnsafeMutablePointer<curl_slist>?

  /// The header list must outlive the transfer: keep this value as long as the handle.
  init(_ transfer: HTTPTransfer, _ handle: UnsafeMutableRawPointer) throws(HTTPClientError) {
    let request = transfer.request
    let length = try transfer.openUpload()
    guard curl_set_text(handle, CURLOPT_URL, request.url) == CURLE_OK else {
      throw transfer.error(.invalidRequest, "the URL cannot be used")
    }
    curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
    // A proxy from the environment would make the check of addresses meaningless.
    curl_set_text(handle, CURLOPT_PROXY, "")
    curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    // Do not wait for a name look-up that nobody needs any more.
    curl_set_long(handle, CURLOPT_QUICK_EXIT, 1)
    Self.setTimeouts(request, handle)
    Self.setMethod(request.method, length, handle)
    setHeaders(request.headers, handle)
    setTransferCallbacks(handle, Unmanaged.passUnretained(transfer).toOpaque())
  }

  deinit { curl_slist_free_all(headers) }

  private static func setTimeouts(_ request: HTTPClientRequest, _ handle: UnsafeMutableRawPointer) {
    curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connectTimeout))
    if let total = request.totalTimeout { curl_set_long(handle, CURLOPT_TIMEOUT_MS, milliseconds(total)) }
    if let idle = request.idleTimeout {
      curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
      curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, max(1, Int(idle.components.seconds)))
    }
  }

  /// At least 1: libcurl takes 0 for its default.
  private static func milliseconds(_ duration: Duration) -> Int {
    let (seconds, attoseconds) = duration.components
    return max(1, Int(min(seconds, 1_000_000)) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
  }

  private static func setMethod(_ method: HTTPMethod, _ length: Int64?, _ handle: UnsafeMutableRawPointer) {
    if method == .head { curl_set_long(handle, CURLOPT_NOBODY, 1) }
    if let length {
      curl_set_long(handle, CURLOPT_UPLOAD, 1)
      curl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(length))
    }
    curl_set_text(handle, CURLOPT_CUSTOMREQUEST, method.rawValue)
  }

  private mutating func setHeaders(_ fields: HTTPHeaders, _ handle: UnsafeMutableRawPointer) {
    for field in fields.fields {
      // libcurl takes "Name:" for "leave this header out" and "Name;" for an empty value.
      headers = curl_slist_append(headers, field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
    }
    curl_set_list(handle, CURLOPT_HTTPHEADER, headers)
  }
}

// The functions libcurl calls, on the client's thread.

private func setTransferCallbacks(_ handle: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer) {
  var callbacks = curl_callbacks()
  callbacks.context = context
  callbacks.header = { bytes, size, count, context in
    guard let transfer = transfer(context) else { return 0 }
    return transfer.receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
  }
  callbacks.write = { bytes, size, count, context in
    guard let transfer = transfer(context) else { return 0 }
    return transfer.receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
  }
  callbacks.read = { bytes, size, count, context in
    let target = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
    return transfer(context)?.send(into: target) ?? Int(CURL_READFUNC_ABORT)
  }
  callbacks.seek = { context, offset, origin in
    guard origin == SEEK_SET, let transfer = transfer(context) else { return CURL_SEEKFUNC_CANTSEEK }
    return transfer.seek(to: Int64(offset)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
  }
  callbacks.open_socket = { context, _, address in
    guard let transfer = transfer(context), let address else { return -1 }
    return transfer.admits(ipAddress(address)) ? curl_open_socket(address) : -1
  }
  // Also for a kept connection, which another transfer may have opened under a wider policy.
  callbacks.before_request = { context, remote, _, _, _ in
    guard let transfer = transfer(context), let remote else { return CURL_PREREQFUNC_ABORT }
    return transfer.admits(IPAddress(String(cString: remote))) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
  }
  curl_set_callbacks(handle, &callbacks)
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer? {
  context.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
}

private func ipAddress(_ address: UnsafeMutablePointer<curl_sockaddr>) -> IPAddress? {
  var bytes = [UInt8](repeating: 0, count: 16)
  let count = Int(curl_address_bytes(address, &bytes))
  return IPAddress(bytes: Array(bytes[..<count]))
}

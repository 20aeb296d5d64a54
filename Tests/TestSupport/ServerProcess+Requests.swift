import Base

extension ServerProcess {
    /// The port of a listener; 0 for a unix socket.
    package func port(_ listener: Int = 0) -> UInt16 { listeners[listener].address.port ?? 0 }

    /// `http://127.0.0.1:PORT/path`, for commands such as curl.
    package func url(_ path: String = "/", listener: Int = 0) -> String {
        "\(listeners[listener].scheme)://\(listeners[listener].reachable)\(path)"
    }

    /// What stands in Host fields: a path is no host.
    private func host(_ listener: Int) -> String {
        let address = listeners[listener].reachable
        return address.port == nil ? "localhost" : "\(address)"
    }

    /// A connection to one of its listeners, from an address such as `127.0.0.2` if that matters.
    package func connect(_ listener: Int = 0, from source: String? = nil, receiveBuffer: CInt? = nil) throws
        -> RawClient
    {
        try RawClient(
            to: listeners[listener].reachable, from: source.flatMap { IPAddress($0) },
            receiveBuffer: receiveBuffer)
    }

    /// `GET path` on a connection of its own.
    package func get(
        _ path: String, headers: KeyValuePairs<String, String> = [:], listener: Int = 0
    ) throws -> RawResponse {
        try request("GET", path, headers: headers, listener: listener)
    }

    package func head(
        _ path: String, headers: KeyValuePairs<String, String> = [:], listener: Int = 0
    ) throws -> RawResponse {
        try request("HEAD", path, headers: headers, listener: listener)
    }

    package func post(
        _ path: String, _ body: String, headers: KeyValuePairs<String, String> = [:], listener: Int = 0
    ) throws -> RawResponse {
        try request("POST", path, headers: headers, body: Array(body.utf8), listener: listener)
    }

    /// One request on a connection of its own, with `Connection: close`.
    ///
    /// Host and Content-Length are added where `headers` has none. Behind the response nothing may come
    /// but the end of the connection, and that not by a reset.
    package func request(
        _ method: String, _ path: String, headers: KeyValuePairs<String, String> = [:], body: [UInt8]? = nil,
        listener: Int = 0, from source: String? = nil, within seconds: Double = 30
    ) throws -> RawResponse {
        let client = try connect(listener, from: source)
        let names = Set(headers.map { $0.key.lowercased() })
        var head = "\(method) \(path) HTTP/1.1\r\n"
        if !names.contains("host") { head += "Host: \(host(listener))\r\n" }
        if !names.contains("connection") { head += "Connection: close\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body, !names.contains("content-length"), !names.contains("transfer-encoding") {
            head += "Content-Length: \(body.count)\r\n"
        }
        // A server that refuses the body may answer and stop reading before all is sent.
        let bytes = Array("\(head)\r\n".utf8) + (body ?? [])
        let sent = try client.sendSome(bytes, within: seconds)
        if sent < bytes.count, client.ending == nil {
            throw ClientError.timedOut(
                "room to send (\(sent) of \(bytes.count) bytes sent)", received: client.received)
        }
        let response = try client.readResponse(to: method, within: seconds)
        if !names.contains("connection"), sent == bytes.count {
            let ending = try client.expectEnd(within: seconds)
            if ending == .reset {
                throw ClientError.ended(.reset, "the end behind the response", received: [])
            }
        }
        return response
    }
}

import Base
import Glibc
import Logs
import Net
import Testing
import Wire

@testable import Config
@testable import Handlers

/// The lines of access logs, without a server around them.
@Suite struct AccessLogTests {
    private static func facts(_ address: String) -> ConnectionFacts {
        ConnectionFacts(
            peer: IPAddress(address).map { .ip($0, port: 50_000) } ?? .unix(""),
            local: .ip(.loopback, port: 80),
            trustedProxies: ServerSettings().trustedProxies)
    }

    /// An exchange whose request has been read, at no client's end.
    private static func withExchange(_ body: (HTTP1Exchange) throws -> Void) throws {
        let (loop, writer) = (try EventLoop(index: 0), try LogWriter())
        let context = LoopContext(
            loop: loop, accessLogs: AccessLogs(writer: writer),
            shared: LoopContext.Shared(
                settings: ServerSettings(), errorLog: ErrorLog(sink: nil, writer: writer, level: .error),
                pool: WorkerPool(name: "test", threads: 1)))
        let socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        let stream = SocketStream(FileDescriptor(owning: socket), waiter: Waiter(loop: loop))
        defer { stream.close() }
        let facts = facts("192.0.2.1")
        let exchange = HTTP1Exchange(stream: stream, context: context, connection: facts)
        exchange.input.append(
            "GET /a\"b?c HTTP/1.1\r\nHost: h:1\r\nReferer: \\r\r\nX-Own: mine\r\n\r\n" as StaticString)
        var parser = RequestParser(limit: 8192)
        #expect(try exchange.parseHead(&parser))
        exchange.status = 200
        exchange.contentSent = 1024
        try withExtendedLifetime(facts) { try body(exchange) }
    }

    private static func line(_ format: AccessLogFormat, _ exchange: HTTP1Exchange) -> String {
        var line = ByteBuffer()
        format.append(exchange, to: &line)
        return line.bytes.string
    }

    /// The time between brackets, which is that of the test, as `[]`.
    private static func withoutTime(_ line: String) -> String {
        line.replacing(#/\[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} [+-]\d{4}\]/#, with: "[]")
    }

    @Test(arguments: [
        ("combined", #"192.0.2.1 - - [] "GET /a\"b?c HTTP/1.1" 200 1024 "\\r" "-""#),
        ("common", #"192.0.2.1 - - [] "GET /a\"b?c HTTP/1.1" 200 1024"#),
        ("%s", "200"),
        ("a text of more than two times eight bytes %%", "a text of more than two times eight bytes %"),
        ("12345678%s12345678%b123456789", "12345678200123456781024123456789"),
        ("%{X-Own}i%{x-other}i%{Referer}i", #"mine-\\r"#), ("begin %h", "begin 192.0.2.1"),
        ("%h end", "192.0.2.1 end"),
        ("%h%u%t", "192.0.2.1-[]"), ("%s %h %s %h", "200 192.0.2.1 200 192.0.2.1"),
        ("%m %U %q %H %V", #"GET /a\"b ?c HTTP/1.1 h"#), ("%B %b %p", "1024 1024 80"), ("%% %l", "% -"),
    ]) func `a line of a format`(_ format: String, _ expected: String) throws {
        try Self.withExchange { exchange in
            let format = AccessLogFormat(try LogFormat(format))
            // The second time from what is remembered.
            for _ in 1...2 { #expect(Self.withoutTime(Self.line(format, exchange)) == expected + "\n") }
        }
    }

    /// What lines begin with is remembered; it must be that of the client, the user and the time.
    @Test func `each line has its own client`() throws {
        try Self.withExchange { exchange in
            let format = AccessLogFormat(try LogFormat("%s %h %l %u %{sec}t|"))
            let now = exchange.context.wallSeconds
            func expect(_ begin: String) {
                #expect(Self.line(format, exchange).hasPrefix("200 \(begin) "))
                #expect(
                    Int(Self.line(format, exchange).dropLast(2).split(separator: " ").last ?? "").map {
                        $0 - now < 60
                    } == true)
            }
            expect("192.0.2.1 - -")
            let (other, ipv6, unix) = (Self.facts("192.0.2.2"), Self.facts("2001:db8::1"), Self.facts(""))
            let first = exchange.connection
            for _ in 1...2 {
                exchange.connectionReference = .passUnretained(other)
                expect("192.0.2.2 - -")
                exchange.user = Array("ann b".utf8)
                expect(#"192.0.2.2 - ann\x20b"#)
                exchange.user = nil
                expect("192.0.2.2 - -")
                exchange.connectionReference = .passUnretained(ipv6)
                expect("2001:db8::1 - -")
                exchange.forwarded = ForwardedClient(address: IPAddress("192.0.2.9"))
                expect("192.0.2.9 - -")
                exchange.forwarded = nil
                exchange.connectionReference = .passUnretained(unix)
                expect("unix: - -")
                exchange.connectionReference = .passUnretained(first)
                expect("192.0.2.1 - -")
            }
            withExtendedLifetime((other, ipv6, unix, first)) {}
        }
    }

    @Test func `ports that are not known`() throws {
        try Self.withExchange { exchange in
            let format = AccessLogFormat(try LogFormat("%p %{remote}p"))
            #expect(Self.line(format, exchange) == "80 50000\n")
            exchange.forwarded = ForwardedClient(address: IPAddress("192.0.2.9"))
            #expect(Self.line(format, exchange) == "80 -\n")
        }
    }
}

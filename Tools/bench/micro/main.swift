import Base
import Glibc
import Logs
import Net
import Wire

@testable import Config
@testable import Handlers

// What the steps of a small file's request cost, one by one: nanoseconds, the least of some rounds.
// `make bench-micro` builds and runs it.

/// Keeps the compiler from leaving work out.
@inline(never) func use<T>(_ value: borrowing T) {}

func measure(_ name: String, _ work: () -> Void) {
    let count = 20_000
    for _ in 0..<count { work() }
    var best = Double.infinity
    for _ in 0..<7 {
        let start = Instant.now
        for _ in 0..<count { work() }
        best = min(best, Double((Instant.now - start).nanoseconds) / Double(count))
    }
    let tenths = Int((best * 10).rounded())
    let figure = "\(tenths / 10).\(tenths % 10)"
    print("| \(name) | \(String(repeating: " ", count: max(0, 8 - figure.count)))\(figure) |")
}

func makeSite(_ name: String) -> Site {
    var config = SiteConfig(name: name, position: SourcePosition(file: "server.ini", line: 1))
    config.hosts = ["\(name).example.org"]
    return Site(
        config, errorLog: ErrorLog(sink: nil, writer: writer, level: .error),
        mediaTypes: MediaTypes(file: "", extra: [:]), answerCache: AnswerCache(limit: 0),
        makePart: { settings, _ in
            Part(settings, accessLog: nil, scriptQueue: PlaceQueue(limit: 1, timeout: .zero))
        })
}

let writer = try LogWriter()
let loop = try EventLoop(index: 0)
let context = LoopContext(
    loop: loop, accessLogs: AccessLogs(writer: writer),
    shared: LoopContext.Shared(
        settings: ServerSettings(), errorLog: ErrorLog(sink: nil, writer: writer, level: .error),
        pool: WorkerPool(name: "micro", threads: 1)))

let short = Array("GET /1k.txt HTTP/1.1\r\nHost: www7.example.org\r\n\r\n".utf8)
let browser = Array(
    """
    GET /blog/2026/11/a-page-of-mine.html?from=feed HTTP/1.1\r
    Host: www7.example.org\r
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
    Accept-Language: en-GB,en;q=0.5\r
    Accept-Encoding: gzip, deflate, br, zstd\r
    Referer: https://www.example.org/blog/\r
    Connection: keep-alive\r
    Cookie: session=0123456789abcdef; theme=dark\r
    Upgrade-Insecure-Requests: 1\r
    Sec-Fetch-Dest: document\r
    Sec-Fetch-Mode: navigate\r
    Sec-Fetch-Site: same-origin\r
    If-None-Match: "65e2f0a1-3c-400"\r
    \r

    """.utf8)

print("| step | ns |\n| --- | ---: |")

for (name, bytes) in [("parse a request of one field", short), ("parse a browser's request", browser)] {
    var head = RequestHead()
    measure(name) {
        var parser = RequestParser(limit: 32768)
        use((try? parser.parse(bytes.span, from: 0, into: &head)) == true)
    }
}

var answer = ResponseHead(.ok, contentLength: 1024)
answer.add("Content-Type", "text/html; charset=utf-8")
answer.add("Accept-Ranges", "bytes" as StaticString)
answer.add("Last-Modified", "Sat, 21 Nov 2026 08:00:00 GMT")
answer.add("ETag", "\"65e2f0a1-3c-400\"")
let surroundings = ResponseHead.Surroundings(
    framing: .length(left: 1024), persistence: .usual, serverLine: Array("Server: gatehouse\r\n".utf8),
    siteLines: [], siteNames: [], extraLines: [])
var output = ByteBuffer(capacity: 4096)
let date = HTTPDate.bytes(1_795_250_000)
measure("write a response head") {
    output.removeAll()
    answer.write(to: &output, date: date.span, surroundings)
}

for count in [10, 10_000] {
    guard let table = SiteTable((0..<count).map { makeSite("www\($0)") }) else { continue }
    let host = Array("www7.example.org:8080".utf8)
    measure("find a site among \(count)") { use(table.site(for: host.span)) }
}

var path: [UInt8] = []
let target = Array("/blog/2026/11/a%20page-of-mine.html".utf8)
measure("decode a path") { try? TargetPath.decode(target.span, into: &path) }

var ends: [CInt] = [0, 0]
guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0 else { fatalError("no socket") }
let stream = SocketStream(FileDescriptor(owning: ends[0]), waiter: Waiter(loop: loop))
let facts = ConnectionFacts(
    peer: .ip(.loopback, port: 50_000), local: .ip(.loopback, port: 80),
    trustedProxies: context.trustedProxies)
let exchange = HTTP1Exchange(stream: stream, context: context, connection: facts)
exchange.input.append(browser)
var parser = RequestParser(limit: 32768)
guard try exchange.parseHead(&parser) else { fatalError("no head") }
exchange.status = 200
exchange.contentSent = 1024
for (name, format) in [
    ("combined", LogFormat.combined), ("combined_cgi", try LogFormat("combined_cgi")),
    ("json", try LogFormat("json")),
] {
    let format = AccessLogFormat(format)
    var line = ByteBuffer(capacity: 4096)
    measure("write a line of the log, \(name)") {
        line.removeAll()
        format.append(exchange, to: &line)
    }
}

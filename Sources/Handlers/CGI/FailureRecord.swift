import Base
import Net

/// What passed between the server and a script that failed, as a text for people (`cgi_capture`).
///
/// What a client shows who it is with is masked: Authorization, Cookie, Set-Cookie, and variables whose
/// names speak of secrets. Content and output are as they came, and may hold others.
struct FailureRecord: ~Copyable {
    private var text = ByteBuffer()

    /// `facts`: what is known of the request, name and value.
    init(_ witness: ScriptWitness, facts: [(name: StaticString, value: String)]) {
        for (name, value) in facts { add(name, value) }
        text.append("diagnosis\n")
        for message in witness.messages { addIndented(FailureRecord.masked(message: message).span) }
        if let plan = witness.plan {
            add("program", plan.path.description)
            add("arguments", plan.arguments.strings.joined(separator: " "))
            add("folder", plan.folder.description)
            text.append("environment\n")
            for variable in plan.environment.strings.sorted() {
                addIndented(Array(FailureRecord.masked(variable: variable).utf8).span)
            }
        }
        add("stdin", witness.content.bytes, of: witness.content.total)
        add("stdout", FailureRecord.masked(output: witness.output.bytes), of: witness.output.total)
        add("stderr", witness.errors.bytes, of: witness.errors.total)
        guard let exit = witness.exit else {
            add("exit", "ended by the server, or never begun")
            return
        }
        let time = witness.duration?.milliseconds ?? 0
        add(
            "exit",
            "\(ScriptWords.describe(exit)) after \(time) ms, \(exit.cpu.milliseconds) ms of processor time, at most \(exit.peakMemory / 1024) KiB"
        )
    }

    var bytes: [UInt8] { text.bytes.array }

    private mutating func add(_ name: StaticString, _ value: String) {
        text.append(name)
        for _ in name.utf8CodeUnitCount..<FailureRecord.column { text.append(ASCII.space) }
        addEscaped(Array(value.utf8).span)
        text.append(ASCII.lf)
    }

    private static let column = 13

    /// The beginning of a stream that had `total` bytes.
    private mutating func add(_ name: StaticString, _ beginning: [UInt8], of total: Int) {
        if total == 0 { return add(name, "(nothing)") }
        text.append(name)
        text.append(", ")
        text.append(decimal: total)
        text.append(total > beginning.count ? " bytes, of which the first\n" : " bytes\n")
        addIndented(beginning.span)
    }

    private mutating func addIndented(_ bytes: Span<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            let end = rest.firstIndex(of: ASCII.lf) ?? rest.count
            text.append("    ")
            addEscaped(rest.extracting(0..<end))
            text.append(ASCII.lf)
            rest = rest.extracting(min(end + 1, rest.count)...)
        }
    }

    /// Control characters could steer the terminal of who reads it, and a CR shows what is wrong.
    private mutating func addEscaped(_ bytes: Span<UInt8>) {
        for index in bytes.indices {
            let byte = bytes[index]
            if ASCII.isControl(byte), byte != ASCII.tab {
                text.append("\\x")
                text.append(ASCII.hexDigit(byte >> 4))
                text.append(ASCII.hexDigit(byte & 15))
            } else {
                text.append(byte)
            }
        }
    }

    // MARK: Secrets

    /// `NAME=value`, without the value where it is a secret.
    static func masked(variable: String) -> String {
        guard let equals = variable.firstIndex(of: "=") else { return variable }
        let name = variable[..<equals].uppercased()
        guard secretWords.contains(where: { name.contains($0) }) else { return variable }
        return "\(variable[..<equals])=(\(variable[equals...].utf8.count - 1) bytes, not shown)"
    }

    private static let secretWords = [
        "AUTHORIZATION", "COOKIE", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL",
        "API_KEY", "APIKEY", "_PWD", "PRIVATE_KEY",
    ]

    /// A diagnosis, up to the cookie that a script sets where it quotes that.
    static func masked(message: String) -> [UInt8] {
        let bytes = Array(message.utf8)
        let name = Array("set-cookie:".utf8)
        for start in bytes.indices where bytes[start...].prefix(name.count).map(ASCII.lower) == name {
            return bytes[..<(start + name.count)] + Array(" (not shown)".utf8)
        }
        return bytes
    }

    /// What a script printed, without the cookies that its header sets.
    static func masked(output: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = output[...]
        while let end = rest.firstIndex(of: ASCII.lf) {
            let line = rest[...end]
            rest = rest[(end + 1)...]
            result += masked(line: line)
            // What follows the header is content.
            if !result.isEmpty, line.count <= 2, line.allSatisfy({ $0 < ASCII.space }) {
                return result + rest
            }
        }
        return result + masked(line: rest)
    }

    private static func masked(line: ArraySlice<UInt8>) -> [UInt8] {
        let name = Array("set-cookie:".utf8)
        guard line.count > name.count, line.prefix(name.count).map(ASCII.lower) == name else {
            return Array(line)
        }
        let end = line.reversed().prefix { $0 < ASCII.space }.reversed()
        let secret = line.count - name.count - end.count
        return line.prefix(name.count) + Array(" (\(secret) bytes, not shown)".utf8) + end
    }
}

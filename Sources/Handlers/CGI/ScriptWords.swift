import Base
import Config
import Net
import Wire

/// Why a script's answer cannot be passed on: the status for a client that has had nothing yet, and
/// the reason for the log.
struct ScriptFailure: Error {
    var status = Status.internalServerError
    var reason: String
    /// What it printed first is no header.
    private(set) var lacksHeader = false

    init(_ status: Status, _ reason: String) { (self.status, self.reason) = (status, reason) }

    init(_ reason: String, lacksHeader: Bool = false) {
        (self.reason, self.lacksHeader) = (reason, lacksHeader)
    }

    init(_ failure: ScriptHead.Failure) {
        if case .notAField = failure { lacksHeader = true }
        reason =
            switch failure {
            case .notAField(let line):
                "the script printed something that is no header: \(ScriptWords.quote(line.span)); \(ScriptWords.advice(line))"
            case .tooLong:
                "the script's header is longer than \(ScriptHead.limit) bytes, or has no empty line at its end"
            case .badStatus(let value):
                "the script's Status is \(ScriptWords.quote(value.span)), which is no status; takes 100 to 599 and words, as in `Status: 404 Not Found`"
            }
    }
}

/// How the log speaks of scripts.
enum ScriptWords {
    /// What is to be done about a line that is no field.
    fileprivate static func advice(_ line: [UInt8]) -> String {
        markHint(line.span)
            ?? "a script prints its header first (Content-Type: text/html, say), then an empty line, then the page"
    }

    /// What is wrong with output that begins with bytes that no screen shows; nil where it does not.
    private static func markHint(_ output: Span<UInt8>) -> String? {
        if output.count > 2, output[0] == 0xEF, output[1] == 0xBB, output[2] == 0xBF {
            return
                "it begins with a byte order mark (BOM); save the file that it comes from, a module or template perhaps, as UTF-8 without BOM"
        }
        guard output.count > 1, output[0] ^ output[1] == 1, min(output[0], output[1]) == 0xFE else {
            return nil
        }
        return "it is UTF-16, in which a script's output cannot begin; the header is plain ASCII"
    }

    static func describe(_ exit: ExitStatus) -> String {
        switch exit.reason {
        case .exited(let code): "exited with status \(code)"
        case .signal(let number, let dumped):
            "was killed by \(Signal.name(number))\(dumped ? " (core dumped)" : "")"
        }
    }

    /// A line of its stderr.
    static func errorOutput(_ line: String) -> String { "stderr: \(line)" }

    /// How one ended whose answer had ended when it closed its stdout; nil where all is well.
    static func endBehindAnswer(_ exit: ExitStatus) -> String? {
        exit.isSuccess ? nil : "the script \(describe(exit)) after it had closed its stdout"
    }

    /// Which of our limits a script's end tells of. `lastLine`: the last it wrote on stderr.
    static func limitHint(_ exit: ExitStatus, _ limits: ScriptLimits, lastLine: [UInt8]) -> String {
        switch exit.reason {
        case .signal(24, _):
            return limits.cpu == nil ? "" : ", the limit cgi_cpu = \(limits.cpu ?? .zero)"
        case .signal(25, _):
            return limits.fileSize.map { ", the limit cgi_file_size = \(ByteCount.spelled($0))" } ?? ""
        case .signal(9, _):
            guard let cpu = limits.cpu, exit.cpu >= cpu else {
                return
                    " and not by this server (the kernel does that where memory runs out, which `dmesg` tells)"
            }
            return ", the limit cgi_cpu = \(cpu)"
        case .signal(6, _), .signal(11, _), .exited:
            let words = String(decoding: lastLine, as: UTF8.self).lowercased()
            func isSaid(_ signs: [String]) -> Bool { signs.contains { words.contains($0) } }
            // Every language has its own words: "Cannot fork", "can't start new thread".
            let forking = [
                "cannot fork", "can't fork", "unable to fork", "fork failed",
                "resource temporarily unavailable",
                "start new thread", "create native thread", "create new native thread", "eagain",
            ]
            if let processes = limits.processes, isSaid(forking) {
                return " (cgi_nproc = \(processes) may be too little)"
            }
            if let files = limits.openFiles, isSaid(["too many open files", "emfile"]) {
                return " (cgi_open_files = \(files) may be too little)"
            }
            // "Out of memory!", "MemoryError", "Cannot allocate memory".
            guard let memory = limits.memory, exit.peakMemory > memory / 2 || words.contains("memory") else {
                return ""
            }
            return " (cgi_memory = \(ByteCount.spelled(memory)) may be too little)"
        default: return ""
        }
    }

    /// Which of its missing rights a script's last line on stderr tells of; empty for none.
    static func rightsHint(_ confinement: Confinement, lastLine: [UInt8]) -> String {
        if lastLine.isEmpty { return "" }
        let words = String(decoding: lastLine, as: UTF8.self).lowercased()
        // Of sudo, of Postfix's sendmail, and of what else needs its setuid or setgid bit.
        let signs = [
            "no new privileges", "effective uid is not 0", "postdrop", "setuid root", "must be suid",
        ]
        if confinement.noNewPrivileges, signs.contains(where: { words.contains($0) }) {
            return
                " (setuid and setgid programs such as sendmail and sudo get no rights of their own here; cgi_no_new_privs = no lets them)"
        }
        if let rules = confinement.writeRules,
            words.contains("permission denied") || words.contains("errno 13")
        {
            let folders =
                rules.folders.isEmpty ? "nowhere" : "only below \(rules.folders.joined(separator: " "))"
            return " (cgi_write lets it write \(folders))"
        }
        return ""
    }

    /// What a script did that ended without a header; nil for `exit` where it only closed its output. `printed`
    /// came behind so many interim answers.
    static func missingHeader(
        _ exit: ExitStatus?, _ limits: ScriptLimits, _ confinement: Confinement, printed: Span<UInt8>,
        interims: Int, lastLine: [UInt8]
    ) -> String {
        let how = exit.map { describe($0) + limitHint($0, limits, lastLine: lastLine) } ?? "closed its output"
        var text = "the script \(how) "
        if printed.isEmpty {
            text +=
                interims == 0
                ? "without any output"
                : "after \(interims == 1 ? "an interim answer" : "\(interims) interim answers") (Status: 103) and no other"
        } else if let lines = emptyLines(printed) {
            text += "after \(lines) and nothing else, no header and no page"
        } else if let (_, start) = ScriptHead.emptyLine(in: printed) {
            text += "after an empty line, which is a header, and \(printed.count - start) bytes of its page: "
            text += quote(printed.extracting(start...).extracting(first: 60))
        } else {
            text +=
                "after \(printed.count) bytes without the empty line that ends a header; they begin with: "
            text += quote(printed.extracting(first: 60))
            if let mark = markHint(printed) { text += "; \(mark)" }
        }
        if !lastLine.isEmpty {
            text += "; its last words on stderr: " + quote(lastLine.span.extracting(first: 200))
            text += rightsHint(confinement, lastLine: lastLine)
        }
        return text
    }

    /// `an empty line`, `2 empty lines`; nil where there is more, or not even one.
    private static func emptyLines(_ output: Span<UInt8>) -> String? {
        var count = 0
        for index in output.indices {
            switch output[index] {
            case ASCII.lf: count += 1
            case ASCII.cr: continue
            default: return nil
            }
        }
        return count == 0 ? nil : count == 1 ? "an empty line" : "\(count) empty lines"
    }

    /// In quotes, with all bytes to be seen.
    static func quote(_ bytes: Span<UInt8>) -> String { "\"" + VisibleText.spelled(bytes) + "\"" }
}

import Base
import Config
import Server

extension Command {
    static let doctor = Command(
        name: "doctor", arguments: "[-c FILE] URL-or-SCRIPT",
        summary: "Runs one script as the server would and explains what is wrong with it.",
        details: """
            URL is an address of a site, http://host/cgi-bin/x?a=1, or a path of the first site; SCRIPT is
            the script's file. Prints what the script gets, what it prints, what the server would answer,
            and the diagnosis. Exits 0 if the answer is good and whole. Ctrl-C ends a script that takes too long.

            \(ConfigFile.explanation)
            """
    ) { words throws(UsageError) in
        var arguments = Arguments(words)
        let file = try arguments.option("-c", "--config")
        guard let subject = try arguments.operand() else { throw UsageError(message: "which script?") }
        try arguments.end()
        var rest = Arguments(file.map { ["-c", $0] } ?? [])
        guard let config = try ConfigFile.load(&rest) else { return .failed }
        do throws(StartError) {
            let doctor = Doctor(config)
            let (host, target) = try doctor.address(of: Arguments.bytes(of: subject))
            return show(try doctor.run(host: host, target: target))
        } catch {
            Console.error(error.description)
            return .failed
        }
    }

    private static func show(_ report: Doctor.Report) -> ExitStatus {
        var text = "url          \(report.url)\n"
        if !report.site.isEmpty { text += "site         \(report.site)\n" }
        if let program = report.program {
            text += "program      \(program)\n"
            text += "arguments    \(report.arguments.joined(separator: " "))\n"
            text += "folder       \(report.folder ?? "")\n"
            text += "user         \(report.user)\n"
            for (index, rule) in report.rules.enumerated() {
                text += "\(index == 0 ? "rules" : "     ")        \(rule)\n"
            }
            text += "environment\n" + indented(report.environment.sorted().joined(separator: "\n"))
        }
        text += section("stdout", report.output) + section("stderr", report.errors)
        if let exit = report.exit { text += "exit         \(exit)\n" }
        text += answer(report.answer)
        let isGood = isGood(report)
        text += "diagnosis\n"
        var diagnosis = report.diagnosis
        if diagnosis.isEmpty {
            diagnosis = [
                isGood
                    ? "Nothing is wrong."
                    : "No script ran for this address; the answer above is the server's own."
            ]
        }
        text += indented((diagnosis + report.notes).joined(separator: "\n"))
        Console.print(text)
        return isGood ? .fine : .failed
    }

    private static func isGood(_ report: Doctor.Report) -> Bool {
        let words = String(decoding: report.answer.beginning.prefix(20), as: UTF8.self).split(separator: " ")
        guard report.program != nil, !report.hasFailed, !report.isInterrupted, words.count > 1,
            let status = Int(words[1].prefix(3))
        else {
            return false
        }
        return status < 500 && status != 403
    }

    /// A stream's beginning, indented; all of it would drown the rest.
    private static func section(_ name: String, _ stream: Doctor.Excerpt) -> String {
        if stream.total == 0 { return "\(name)\(String(repeating: " ", count: 13 - name.count))(nothing)\n" }
        let shown = stream.beginning.prefix(4096)
        let rest = stream.total - shown.count
        var text = "\(name), \(stream.total) bytes\n" + indented(visible(shown))
        if rest > 0 { text += "    (and \(rest) bytes more)\n" }
        return text
    }

    /// The text of a stream, with marks for what no screen shows, such as a byte order mark. Control characters
    /// are left out: a page of them would drown the rest as well.
    private static func visible(_ bytes: some Sequence<UInt8>) -> String {
        let lines = bytes.filter { $0 >= 32 || $0 == ASCII.tab || $0 == ASCII.lf }
            .split(separator: ASCII.lf, omittingEmptySubsequences: false)
        return lines.map { line in
            line.split(separator: ASCII.tab, omittingEmptySubsequences: false)
                .map { VisibleText.spelled($0.span) }.joined(separator: "\t")
        }.joined(separator: "\n")
    }

    /// The status line and the fields of an answer, and how much follows.
    private static func answer(_ answer: Doctor.Excerpt) -> String {
        let text = String(decoding: answer.beginning, as: UTF8.self)
        var lines: [Substring] = []
        var length = 0
        for line in text.split(separator: "\r\n", omittingEmptySubsequences: false) {
            length += line.utf8.count + 2
            if line.isEmpty { break }
            lines.append(line)
        }
        let rest = max(0, answer.total - length)
        return "answer\n" + indented(lines.joined(separator: "\n"))
            + "    (and \(rest) bytes behind the head)\n"
    }

    private static func indented(_ text: String) -> String {
        // By scalars, since CR LF is one character.
        let scalars = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        var lines = scalars.map { line in
            // Control characters could steer the terminal.
            "    " + String(String.UnicodeScalarView(line.filter { $0.value >= 32 || $0.value == 9 }))
        }
        if lines.last == "    " { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }
}

import Base
import Wire

/// A script's header is read alike however much content has come behind it, no part of it contradicts
/// the whole, and nothing in it can end a line of the answer early.
enum ScriptHeadCheck {
    private enum Reading: Equatable {
        case incomplete
        case failed(ScriptHead.Failure)
        case head(lines: [UInt8], status: Status?, bodyStart: Int, isEmptyLine: Bool)
    }

    static func check(_ input: [UInt8]) {
        let whole = read(input)
        _ = ScriptHead(forPage: input.span) { _ in nil }
        for isWhole in [false, true] where ScriptHead.isMissing(in: input.span, isWhole: isWhole) {
            if case .head(_, _, _, isEmptyLine: false) = whole {
                preconditionFailure("what has a header has none")
            }
        }
        for stop in input.count < 512 ? Array(0..<input.count) : [cut(input)] {
            let part = read(Array(input[..<stop]))
            precondition(part == .incomplete || part == whole, "a part is read otherwise")
        }
        if let (head, bodyStart) = ScriptHead.emptyLine(in: input.span) {
            precondition(head.isEmptyLine && head.lines.isEmpty, "an empty line says nothing")
            precondition(input[bodyStart - 1] == ASCII.lf, "an empty line is a line")
            if case .head(_, _, let start, let isEmptyLine) = whole {
                precondition(isEmptyLine && start == bodyStart, "a header is the same at its end")
            }
        }
        guard case .head(let lines, _, let bodyStart, _) = whole else { return }
        precondition(bodyStart <= min(input.count, ScriptHead.limit), "the limit holds")
        precondition(input[bodyStart - 1] == ASCII.lf, "a header ends with a line")
        var rest = lines[...]
        while let lf = rest.firstIndex(of: ASCII.lf) {
            var line = rest[..<lf]
            rest = rest[(lf + 1)...]
            precondition(line.popLast() == ASCII.cr, "a line ends in CR LF")
            precondition(line.allSatisfy { !ASCII.isControl($0) || $0 == ASCII.tab }, "no control character")
            precondition((line.firstIndex(of: ASCII.colon) ?? 0) > line.startIndex, "a line has a name")
        }
        precondition(rest.isEmpty, "the last line has an end")
    }

    private static func read(_ input: [UInt8]) -> Reading {
        do throws(ScriptHead.Failure) {
            guard let found = try ScriptHead.parse(input.span) else { return .incomplete }
            return .head(
                lines: found.head.lines, status: found.head.status, bodyStart: found.bodyStart,
                isEmptyLine: found.head.isEmptyLine)
        } catch {
            return .failed(error)
        }
    }
}

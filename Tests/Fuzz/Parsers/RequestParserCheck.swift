import Base
import Wire

/// A head is read alike however it is cut, its parts lie within it and hold no control characters,
/// and what reads those parts on takes them all.
enum RequestParserCheck {
    private enum Reading: Equatable {
        case incomplete
        case refused(Int)
        case head(Summary)
    }

    /// What of a head counts when two are compared.
    private struct Summary: Equatable {
        var places: [ByteRange]
        var framing: BodyFraming
        var flags: [Bool]
        var end: Int

        init(_ head: RequestHead) {
            places =
                [head.methodName, head.target, head.path, head.query ?? .empty, head.authority ?? .empty]
                + head.fields.flatMap { [$0.name, $0.value] }
            framing = head.framing
            flags = [
                head.query == nil, head.authority == nil, head.wantsKeepAlive, head.expectsContinue,
                head.minorVersion == 1,
            ]
            end = head.end
        }
    }

    static func check(_ input: [UInt8]) {
        var head = RequestHead()
        let whole = read(input, stops: [], into: &head)
        var other = RequestHead()
        precondition(read(input, stops: [cut(input)], into: &other) == whole, "two pieces are read otherwise")
        if input.count < 512 {
            let each = read(input, stops: Array(0..<input.count), into: &other)
            precondition(each == whole, "single bytes are read otherwise")
        }
        if case .head = whole { check(head, input) }
    }

    private static func read(_ input: [UInt8], stops: [Int], into head: inout RequestHead) -> Reading {
        var parser = RequestParser(limit: 1024)
        for stop in stops + [input.count] {
            do throws(RequestError) {
                if try parser.parse(input.span.extracting(0..<stop), from: 0, into: &head) {
                    return .head(Summary(head))
                }
            } catch {
                return .refused(error.status.code)
            }
        }
        return .incomplete
    }

    private static func check(_ head: RequestHead, _ input: [UInt8]) {
        precondition(head.end <= input.count && input[head.end - 1] == ASCII.lf, "a head ends with a line")
        precondition(head.end <= 1024, "the limit holds")
        for place in Summary(head).places {
            precondition(place.range.upperBound < head.end, "a part lies within the head")
            for byte in input[place.range] {
                precondition(!ASCII.isControl(byte) || byte == ASCII.tab, "a part has no control character")
            }
        }
        precondition(!head.methodName.isEmpty && !head.target.isEmpty, "method and target are there")
        precondition(
            head.form == .authority || head.form == .absolute || !head.path.isEmpty, "there is a path")
        for field in head.fields { precondition(!field.name.isEmpty, "a field has a name") }
        readOn(head, input)
    }

    /// Conditions, ranges, the path and the environment of a script, from this head.
    private static func readOn(_ head: RequestHead, _ input: [UInt8]) {
        let bytes = input.span
        let validators = Validators(entityTag: [0x22, 0x61, 0x22], lastModified: 784_111_777)
        _ = Conditions.evaluate(head, bytes, validators)
        _ = Conditions.rangeApplies(head, bytes, validators)
        for field in head.fields {
            for length in [0, 10, Int.max] {
                if case .one(let range) = RangeField.parse(
                    bytes.extracting(field.value.range), length: length)
                {
                    precondition(!range.isEmpty && range.upperBound <= length, "a range lies within")
                }
            }
        }
        for passUnderscores in [false, true] {
            var facts = MetaVariables.Facts()
            facts.passUnderscores = passUnderscores
            let none = CStringList.Builder(capacity: 0).finish()
            let (list, refused) = MetaVariables.environment(none, facts, head, bytes)
            let variables = list.strings
            let names = variables.map { $0.prefix { $0 != "=" } }
            precondition(Set(names).count == names.count, "no variable is there twice")
            for text in variables {
                precondition(!text.utf8.starts(with: "HTTP_PROXY=".utf8), "no HTTP_PROXY")
            }
            for (name, why) in refused {
                let isThere = head.fields.contains { bytes.extracting($0.name.range).array == name }
                precondition(isThere || why == .function, "only what was sent is refused")
            }
        }
        if let query = head.query {
            for word in MetaVariables.indexedArguments(bytes.extracting(query.range)) {
                precondition(!word.contains(0), "an argument has no NUL")
            }
        }
        TargetPathCheck.check(bytes.extracting(head.path.range).array)
    }
}

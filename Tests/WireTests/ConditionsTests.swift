import Base
import Testing
import Wire

private let sameDate = "Sun, 06 Nov 1994 08:49:37 GMT"
private let earlier = "Sun, 06 Nov 1994 08:49:36 GMT"
private let later = "Sun, 06 Nov 1994 08:49:38 GMT"

private let strong = Validators(entityTag: raw(#""x""#), lastModified: 784_111_777)
private let weak = Validators(entityTag: raw(#"W/"x""#), lastModified: 784_111_777)
private let dateOnly = Validators(entityTag: [], lastModified: 784_111_777)
private let nothing = Validators(entityTag: [], lastModified: nil)

private func request(_ method: String, _ fields: [String]) -> (head: RequestHead, bytes: [UInt8]) {
    parsed("\(method) / HTTP/1.1\r\nHost: h\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
}

private func evaluate(_ method: String, _ fields: [String], _ validators: Validators = strong)
    -> Conditions.Outcome
{
    let (head, bytes) = request(method, fields)
    return Conditions.evaluate(head, bytes.span, validators)
}

@Suite struct ConditionsTests {
    struct Case: CustomTestStringConvertible {
        let fields: [String]
        let read: Conditions.Outcome
        let write: Conditions.Outcome

        /// Outcomes for GET and HEAD, and for other methods.
        init(_ fields: String..., read: Conditions.Outcome, write: Conditions.Outcome) {
            (self.fields, self.read, self.write) = (fields, read, write)
        }

        var testDescription: String { fields.joined(separator: " / ") }
    }

    static let alone: [Case] = [
        Case(read: .proceed, write: .proceed),
        // If-Match compares strongly (RFC 9110, 13.1.1).
        Case(#"If-Match: "x""#, read: .proceed, write: .proceed),
        Case(#"If-Match: "y""#, read: .failed, write: .failed),
        Case(#"If-Match: W/"x""#, read: .failed, write: .failed),
        Case(#"If-Match: *"#, read: .proceed, write: .proceed),
        Case(#"If-Match: "y", "x""#, read: .proceed, write: .proceed),
        Case(#"If-Match: "y,x","z""#, read: .failed, write: .failed),
        Case(#"If-Match: "y""#, #"If-Match: "x""#, read: .proceed, write: .proceed),
        Case(#"If-Match: x"#, read: .failed, write: .failed),
        Case(#"If-Match: "X""#, read: .failed, write: .failed),
        Case(#"If-Match:"#, read: .failed, write: .failed),
        // If-None-Match compares weakly (13.1.2).
        Case(#"If-None-Match: "x""#, read: .notModified, write: .failed),
        Case(#"If-None-Match: W/"x""#, read: .notModified, write: .failed),
        Case(#"If-None-Match: w/"x""#, read: .proceed, write: .proceed),
        Case(#"If-None-Match: "y""#, read: .proceed, write: .proceed),
        Case(#"If-None-Match: *"#, read: .notModified, write: .failed),
        Case(#"If-None-Match: "y" , W/"x""#, read: .notModified, write: .failed),
        Case(#"If-None-Match: "y""#, #"If-None-Match: "x""#, read: .notModified, write: .failed),
        Case(#"If-None-Match: "x"#, read: .proceed, write: .proceed),
        Case(#"If-None-Match:"#, read: .proceed, write: .proceed),
        // A backslash is a character like others (8.8.3).
        Case(#"If-None-Match: "y\", "x""#, read: .notModified, write: .failed),
        Case(#"If-Match: "y\", "x""#, read: .proceed, write: .proceed),
        // If-Modified-Since, for GET and HEAD only (13.1.3).
        Case("If-Modified-Since: \(sameDate)", read: .notModified, write: .proceed),
        Case("If-Modified-Since: \(later)", read: .notModified, write: .proceed),
        Case("If-Modified-Since: \(earlier)", read: .proceed, write: .proceed),
        Case("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", read: .notModified, write: .proceed),
        Case("If-Modified-Since: Sun Nov  6 08:49:37 1994", read: .notModified, write: .proceed),
        Case("If-Modified-Since: yesterday", read: .proceed, write: .proceed),
        Case("If-Modified-Since: 784111777", read: .proceed, write: .proceed),
        Case("If-Modified-Since:", read: .proceed, write: .proceed),
        // If-Unmodified-Since (13.1.4).
        Case("If-Unmodified-Since: \(sameDate)", read: .proceed, write: .proceed),
        Case("If-Unmodified-Since: \(later)", read: .proceed, write: .proceed),
        Case("If-Unmodified-Since: \(earlier)", read: .failed, write: .failed),
        Case("If-Unmodified-Since: yesterday", read: .proceed, write: .proceed),
        // Several dates are none.
        Case(
            "If-Modified-Since: \(sameDate)", "If-Modified-Since: \(sameDate)", read: .proceed,
            write: .proceed),
        Case(
            "If-Unmodified-Since: \(earlier)", "If-Unmodified-Since: \(earlier)", read: .proceed,
            write: .proceed),
    ]

    /// Section 13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else If-Modified-Since.
    static let together: [Case] = [
        Case(#"If-Match: "x""#, "If-Unmodified-Since: \(earlier)", read: .proceed, write: .proceed),
        Case(#"If-Match: "y""#, "If-Unmodified-Since: \(later)", read: .failed, write: .failed),
        Case(#"If-None-Match: "y""#, "If-Modified-Since: \(later)", read: .proceed, write: .proceed),
        Case(#"If-None-Match: "x""#, "If-Modified-Since: \(earlier)", read: .notModified, write: .failed),
        Case(#"If-Match: "y""#, #"If-None-Match: "x""#, read: .failed, write: .failed),
        Case(#"If-Match: "x""#, #"If-None-Match: "x""#, read: .notModified, write: .failed),
        Case(#"If-Match: "x""#, #"If-None-Match: "y""#, read: .proceed, write: .proceed),
        Case(#"If-Match: "x""#, "If-Modified-Since: \(sameDate)", read: .notModified, write: .proceed),
        Case("If-Unmodified-Since: \(earlier)", #"If-None-Match: "x""#, read: .failed, write: .failed),
        Case("If-Unmodified-Since: \(sameDate)", #"If-None-Match: "x""#, read: .notModified, write: .failed),
        Case(
            "If-Unmodified-Since: \(sameDate)", "If-Modified-Since: \(sameDate)", read: .notModified,
            write: .proceed),
        Case(#"If-None-Match: yes"#, "If-Modified-Since: \(sameDate)", read: .proceed, write: .proceed),
    ]

    @Test(arguments: alone + together) func `evaluates`(_ test: Case) {
        for method in ["GET", "HEAD"] { #expect(evaluate(method, test.fields) == test.read, "\(method)") }
        for method in ["POST", "PUT", "DELETE"] {
            #expect(evaluate(method, test.fields) == test.write, "\(method)")
        }
    }

    @Test func `a weak tag matches weakly only`() {
        #expect(evaluate("GET", [#"If-None-Match: "x""#], weak) == .notModified)
        #expect(evaluate("GET", [#"If-None-Match: W/"x""#], weak) == .notModified)
        #expect(evaluate("GET", [#"If-Match: W/"x""#], weak) == .failed)
        #expect(evaluate("GET", [#"If-Match: "x""#], weak) == .failed)
    }

    @Test func `without a tag no tag matches`() {
        #expect(evaluate("GET", [#"If-None-Match: "x""#], dateOnly) == .proceed)
        #expect(evaluate("GET", [#"If-Match: """#], dateOnly) == .failed)
        #expect(evaluate("GET", ["If-Match: *"], dateOnly) == .proceed)
        #expect(evaluate("GET", ["If-None-Match: *"], dateOnly) == .notModified)
        #expect(evaluate("GET", ["If-Modified-Since: \(sameDate)"], dateOnly) == .notModified)
    }

    @Test func `without a date no date counts`() {
        #expect(evaluate("GET", ["If-Modified-Since: \(sameDate)"], nothing) == .proceed)
        #expect(evaluate("GET", ["If-Unmodified-Since: \(earlier)"], nothing) == .proceed)
    }

    // MARK: If-Range (13.1.5)

    private func rangeApplies(_ value: String?, _ validators: Validators = strong) -> Bool {
        let (head, bytes) = request("GET", value.map { ["If-Range: \($0)"] } ?? [])
        return Conditions.rangeApplies(head, bytes.span, validators)
    }

    @Test func `If-Range with a tag`() {
        #expect(rangeApplies(nil))
        #expect(rangeApplies(#""x""#))
        #expect(!rangeApplies(#""y""#))
        #expect(!rangeApplies(#"W/"x""#))
        #expect(!rangeApplies(#"W/"x""#, weak))
        #expect(!rangeApplies(#""x""#, weak))
        #expect(!rangeApplies(#""x""#, dateOnly))
        #expect(!rangeApplies(#""x", "y""#))
        #expect(!rangeApplies("x"))
        #expect(!rangeApplies("*"))
        #expect(!rangeApplies(""))
    }

    @Test func `If-Range with a date`() {
        #expect(rangeApplies(sameDate))
        #expect(rangeApplies("Sunday, 06-Nov-94 08:49:37 GMT"))
        // Not the one that was given out, so it stands for something else.
        #expect(!rangeApplies(later))
        #expect(!rangeApplies(earlier))
        #expect(!rangeApplies(sameDate, nothing))
        #expect(!rangeApplies("yesterday"))
    }
}

import FuzzedParsers
import Glibc

/// The parser that `GATEHOUSE_FUZZ` names.
private let parser: FuzzedParser = {
    let name = getenv("GATEHOUSE_FUZZ").map { String(cString: $0) } ?? ""
    guard let parser = FuzzedParser(rawValue: name) else {
        fatalError(
            "GATEHOUSE_FUZZ is none of \(FuzzedParser.allCases.map(\.rawValue).joined(separator: " "))")
    }
    return parser
}()

/// What libFuzzer calls, with its own `main` around it.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    parser.feed(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

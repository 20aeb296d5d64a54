import Base
import Config
import Wire

/// The parsers that read what others wrote, each with what must hold whatever that is.
///
/// `feed` ends the process where something does not hold. The fuzzer calls it with inputs that it
/// makes up, the corpus tests with those that were worth keeping.
package enum FuzzedParser: String, CaseIterable, Sendable {
    case requestParser, chunkedDecoder, targetPath, scriptHead, httpDate, listReader, iniReader
    case forwarding, proxyHeader
    case basicCredentials, passwordFile

    package func feed(_ input: [UInt8]) {
        switch self {
        case .requestParser: RequestParserCheck.check(input)
        case .chunkedDecoder: ChunkedDecoderCheck.check(input)
        case .targetPath: TargetPathCheck.check(input)
        case .scriptHead: ScriptHeadCheck.check(input)
        case .httpDate: HTTPDateCheck.check(input)
        case .listReader: ListReaderCheck.check(input)
        case .iniReader: INIReaderCheck.check(input)
        case .forwarding: ForwardingCheck.check(input)
        case .proxyHeader: ProxyHeaderCheck.check(input)
        case .basicCredentials: BasicCredentialsCheck.check(input)
        case .passwordFile: PasswordFileCheck.check(input)
        }
    }
}

/// A place to cut the input that depends on all of it, so that the same input is always cut alike.
func cut(_ input: [UInt8]) -> Int {
    var hash: UInt64 = 14_695_981_039_346_656_037
    for byte in input { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
    return Int(hash % UInt64(input.count + 1))
}

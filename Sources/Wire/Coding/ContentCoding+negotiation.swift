package import Base

extension ContentCoding {
    /// Those of `offered` that a request takes, the best first: by the client's weights, and among
    /// equals in the order of `offered` (RFC 9110, section 12.5.3).
    ///
    /// Empty where the representation is to be sent as it is: also for a request without
    /// Accept-Encoding, which often comes from a program that could not decode anything.
    package static func acceptable(
        _ offered: [ContentCoding], _ head: RequestHead, _ bytes: Span<UInt8>
    ) -> [ContentCoding] {
        var weights: [Int?] = Array(repeating: nil, count: ContentCoding.allCases.count)
        var rest: Int?
        var identity: Int?
        for field in head.fields where field.id == .acceptEncoding {
            var list = QualityList(bytes.extracting(field.value.range))
            while let member = list.next() {
                if member.value.equals("*") {
                    rest = member.quality
                } else if ASCII.equalsIgnoringCase(member.value, "identity") {
                    identity = member.quality
                } else if let coding = ContentCoding(member.value) {
                    weights[Int(coding.rawValue)] = member.quality
                }
            }
        }
        let floor = max(identity ?? 1, 1)
        return
            offered
            .map { (coding: $0, weight: weights[Int($0.rawValue)] ?? rest ?? 0) }
            .filter { $0.weight >= floor }
            // Swift's sort keeps the order of equals.
            .sorted { $0.weight > $1.weight }
            .map(\.coding)
    }

    private init?(_ name: Span<UInt8>) {
        if ASCII.equalsIgnoringCase(name, "gzip") || ASCII.equalsIgnoringCase(name, "x-gzip") {
            self = .gzip
        } else if ASCII.equalsIgnoringCase(name, "br") {
            self = .brotli
        } else if ASCII.equalsIgnoringCase(name, "zstd") {
            self = .zstandard
        } else {
            return nil
        }
    }
}

import Base

/// The members of a list with weights, as Accept and Accept-Encoding have them (RFC 9110, section 12.4.2).
struct QualityList: ~Escapable {
    private var list: ListReader

    @_lifetime(copy value)
    init(_ value: Span<UInt8>) { list = ListReader(value) }

    struct Member: ~Escapable {
        /// The member without its parameters.
        let value: Span<UInt8>
        /// Thousandths: 0 for what is not wanted, 1000 where nothing is said.
        let quality: Int

        @_lifetime(copy value)
        init(_ value: Span<UInt8>, quality: Int) { (self.value, self.quality) = (value, quality) }
    }

    @_lifetime(copy self)
    mutating func next() -> Member? {
        guard let member = list.next() else { return nil }
        guard let semicolon = member.firstIndex(of: ASCII.semicolon) else {
            return Member(member, quality: 1000)
        }
        let value = member.extracting(0..<semicolon).trimmingBlanks()
        return Member(value, quality: QualityList.quality(member.extracting(semicolon...)))
    }

    /// Of `; a=b; q=0.5`. A weight that is none counts as none given.
    private static func quality(_ parameters: Span<UInt8>) -> Int {
        var rest = parameters
        while let semicolon = rest.firstIndex(of: ASCII.semicolon) {
            rest = rest.extracting((semicolon + 1)...)
            let end = rest.firstIndex(of: ASCII.semicolon) ?? rest.count
            let parameter = rest.extracting(0..<end).trimmingBlanks()
            guard parameter.count > 2, ASCII.lower(parameter[0]) == UInt8(ascii: "q"),
                parameter[1] == ASCII.equals
            else { continue }
            return thousandths(parameter.extracting(2...)) ?? 1000
        }
        return 1000
    }

    /// `0.125` or `1` in thousandths; nil for what is no weight.
    private static func thousandths(_ text: Span<UInt8>) -> Int? {
        guard text.count <= 5, text[0] == ASCII.zero || text[0] == ASCII.zero + 1 else { return nil }
        var result = Int(text[0] - ASCII.zero) * 1000
        if text.count == 1 { return result }
        guard text[1] == ASCII.dot else { return nil }
        var unit = 100
        for index in 2..<max(text.count, 2) {
            guard ASCII.isDigit(text[index]) else { return nil }
            result += Int(text[index] - ASCII.zero) * unit
            unit /= 10
        }
        return result <= 1000 ? result : nil
    }
}

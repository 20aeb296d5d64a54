/// Dates as HTTP writes and reads them (RFC 9110, section 5.6.7).
package enum HTTPDate {
    /// Length of the preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static let length = 29

    /// From the first second of the year 0 to the last one of 9999: what four digits can say.
    private static let writable = -62_167_219_200...253_402_300_799

    /// Appends the preferred form. A time outside of its years is written as the nearest one within.
    package static func append(_ secondsSince1970: Int, to buffer: inout ByteBuffer) {
        let seconds = min(max(secondsSince1970, writable.lowerBound), writable.upperBound)
        let time = CalendarTime(secondsSince1970: seconds)
        buffer.append(CalendarTime.weekdays[time.weekday])
        buffer.append(", ")
        buffer.append(decimal: time.day, width: 2)
        buffer.append(ASCII.space)
        buffer.append(CalendarTime.months[time.month - 1])
        buffer.append(ASCII.space)
        buffer.append(decimal: time.year, width: 4)
        buffer.append(ASCII.space)
        buffer.append(secondOf: time)
        buffer.append(" GMT")
    }

    /// The preferred form as an array.
    package static func bytes(_ secondsSince1970: Int) -> [UInt8] {
        var buffer = ByteBuffer(capacity: length)
        append(secondsSince1970, to: &buffer)
        return buffer.bytes.array
    }

    /// Reads the preferred form, RFC 850's and asctime's. Nil when it is none of them or no such day.
    ///
    /// With `asInMail`, what RFC 5322 (section 3.3) has beyond that and programs print: `+0100` in the place of
    /// `GMT`, either of them behind asctime's form too, and a day of one digit.
    package static func parse(_ bytes: Span<UInt8>, asInMail: Bool = false) -> Int? {
        guard bytes.count >= 24, bytes.count <= 40 else { return nil }
        var scanner = Scanner(bytes: bytes, asInMail: asInMail)
        guard let comma = bytes.firstIndex(of: ASCII.comma) else { return scanner.asctime() }
        return comma == 3 ? scanner.preferred() : scanner.rfc850(after: comma)
    }

    private struct Scanner: ~Escapable {
        let bytes: Span<UInt8>
        let asInMail: Bool
        var index = 0

        @_lifetime(copy bytes)
        init(bytes: Span<UInt8>, asInMail: Bool) {
            self.bytes = bytes
            self.asInMail = asInMail
        }

        mutating func preferred() -> Int? {
            index = 4
            guard skip(ASCII.space), let day = number(2) ?? dayOfOneDigit(), skip(ASCII.space),
                let month = month(), skip(ASCII.space), let year = number(4), skip(ASCII.space)
            else { return nil }
            return finish(year: year, month: month, day: day)
        }

        /// As `%d` of printf writes it, or `%e` of strftime, where that is taken.
        mutating func dayOfOneDigit() -> Int? {
            guard asInMail else { return nil }
            _ = skip(ASCII.space)
            return number(1)
        }

        mutating func rfc850(after comma: Int) -> Int? {
            index = comma + 1
            guard skip(ASCII.space), let day = number(2), skip(ASCII.dash), let month = month(),
                skip(ASCII.dash), let short = number(2), skip(ASCII.space)
            else { return nil }
            // More than 50 years ahead means the past (RFC 9110); no such year is within reach of 70.
            return finish(year: short >= 70 ? 1900 + short : 2000 + short, month: month, day: day)
        }

        mutating func asctime() -> Int? {
            guard bytes.count == 24 || asInMail else { return nil }
            index = 3
            guard skip(ASCII.space), let month = month(), skip(ASCII.space) else { return nil }
            if bytes[index] == ASCII.space { index += 1 }
            guard let day = number(bytes[index - 1] == ASCII.space && index == 9 ? 1 : 2), skip(ASCII.space),
                let time = clock(), skip(ASCII.space), let year = number(4)
            else { return nil }
            let utc = seconds(year: year, month: month, day: day, time: time)
            if index == bytes.count { return utc }
            guard skip(ASCII.space), let offset = zone(), index == bytes.count else { return nil }
            return utc.map { $0 - offset }
        }

        mutating func finish(year: Int, month: Int, day: Int) -> Int? {
            guard let time = clock(), skip(ASCII.space), let offset = zone(), index == bytes.count else {
                return nil
            }
            return seconds(year: year, month: month, day: day, time: time).map { $0 - offset }
        }

        /// Seconds east of Greenwich.
        mutating func zone() -> Int? {
            if bytes.extracting(index...).equals("GMT") {
                index += 3
                return 0
            }
            guard asInMail else { return nil }
            let isWest = skip(ASCII.dash)
            guard isWest || skip(ASCII.plus), let hours = number(2), let minutes = number(2), hours < 24,
                minutes < 60
            else { return nil }
            let seconds = hours * 3600 + minutes * 60
            return isWest ? -seconds : seconds
        }

        mutating func clock() -> (Int, Int, Int)? {
            guard let hour = number(2), skip(ASCII.colon), let minute = number(2), skip(ASCII.colon),
                let second = number(2), hour < 24, minute < 60, second <= 60
            else { return nil }
            return (hour, minute, second)
        }

        func seconds(year: Int, month: Int, day: Int, time: (Int, Int, Int)) -> Int? {
            let wanted = CalendarTime(
                year: year, month: month, day: day, hour: time.0, minute: time.1, second: 0)
            let start = wanted.secondsSince1970
            // A day that the month does not have comes back as another one.
            let back = CalendarTime(secondsSince1970: start)
            guard day >= 1, back.day == day, back.month == month else { return nil }
            return start + time.2
        }

        mutating func skip(_ byte: UInt8) -> Bool {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
            return true
        }

        mutating func number(_ digits: Int) -> Int? {
            guard index + digits <= bytes.count,
                let value = ASCII.decimal(bytes.extracting(index..<index + digits))
            else { return nil }
            index += digits
            return value
        }

        mutating func month() -> Int? {
            guard index + 3 <= bytes.count else { return nil }
            let name = bytes.extracting(index..<index + 3)
            for (position, text) in CalendarTime.months.enumerated() where name.equals(text) {
                index += 3
                return position + 1
            }
            return nil
        }
    }
}

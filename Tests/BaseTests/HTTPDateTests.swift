import Base
import Glibc
import Testing

/// Seconds since 1970 by the C library, which the code under test does not use.
func secondsByLibrary(
    _ year: Int, _ month: Int, _ day: Int, _ hour: Int = 0, _ minute: Int = 0, _ second: Int = 0
) -> Int {
    var time = tm()
    time.tm_year = CInt(year - 1900)
    time.tm_mon = CInt(month - 1)
    time.tm_mday = CInt(day)
    time.tm_hour = CInt(hour)
    time.tm_min = CInt(minute)
    time.tm_sec = CInt(second)
    return timegm(&time)
}

/// The preferred form by the C library.
func dateByLibrary(_ seconds: Int) -> String {
    var time = time_t(seconds)
    var broken = tm()
    gmtime_r(&time, &broken)
    var text = [CChar](repeating: 0, count: 64)
    let length = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &broken)
    return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func parse(_ text: String) -> Int? { parse(Array(text.utf8)) }
private func parse(_ bytes: [UInt8]) -> Int? { HTTPDate.parse(bytes.span) }
private func write(_ seconds: Int) -> String { String(decoding: HTTPDate.bytes(seconds), as: UTF8.self) }

@Suite struct HTTPDateTests {
    /// The same moments in all three forms.
    struct Moment: CustomTestStringConvertible {
        let seconds: Int
        let preferred: String
        let rfc850: String
        let asctime: String
        var testDescription: String { preferred }
    }

    static let moments = [
        Moment(
            seconds: 784_111_777, preferred: "Sun, 06 Nov 1994 08:49:37 GMT",
            rfc850: "Sunday, 06-Nov-94 08:49:37 GMT", asctime: "Sun Nov  6 08:49:37 1994"),
        Moment(
            seconds: 0, preferred: "Thu, 01 Jan 1970 00:00:00 GMT",
            rfc850: "Thursday, 01-Jan-70 00:00:00 GMT",
            asctime: "Thu Jan  1 00:00:00 1970"),
        Moment(
            seconds: 951_825_600, preferred: "Tue, 29 Feb 2000 12:00:00 GMT",
            rfc850: "Tuesday, 29-Feb-00 12:00:00 GMT", asctime: "Tue Feb 29 12:00:00 2000"),
        Moment(
            seconds: 946_684_799, preferred: "Fri, 31 Dec 1999 23:59:59 GMT",
            rfc850: "Friday, 31-Dec-99 23:59:59 GMT", asctime: "Fri Dec 31 23:59:59 1999"),
        Moment(
            seconds: 2_147_483_648, preferred: "Tue, 19 Jan 2038 03:14:08 GMT",
            rfc850: "Tuesday, 19-Jan-38 03:14:08 GMT", asctime: "Tue Jan 19 03:14:08 2038"),
        Moment(
            seconds: 1_772_582_400, preferred: "Wed, 04 Mar 2026 00:00:00 GMT",
            rfc850: "Wednesday, 04-Mar-26 00:00:00 GMT", asctime: "Wed Mar  4 00:00:00 2026"),
    ]

    @Test(arguments: moments) func `all three forms are read, the preferred one is written`(_ moment: Moment)
    {
        #expect(parse(moment.preferred) == moment.seconds)
        #expect(parse(moment.rfc850) == moment.seconds)
        #expect(parse(moment.asctime) == moment.seconds)
        #expect(write(moment.seconds) == moment.preferred)
    }

    @Test func `a leap second is read as the next minute's first`() {
        #expect(parse("Sat, 31 Dec 2016 23:59:60 GMT") == secondsByLibrary(2017, 1, 1))
        #expect(parse("Sat, 31 Dec 2016 23:59:61 GMT") == nil)
    }

    @Test func `asctime's day may have a leading zero or two digits`() {
        #expect(parse("Sun Nov 06 08:49:37 1994") == 784_111_777)
        #expect(parse("Wed Nov 16 08:49:37 1994") == 784_111_777 + 10 * 86400)
    }

    @Test(arguments: [
        "", "GMT", "0", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=12", "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun,  6 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 06 Nov 1994  08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 -8:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37", "Sunday, 06 Nov 94 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94", "Sun Nov  6 08:49:37 1994 ", "Sun Nov  6 08:49:37 19 4",
        "Sun Nov  a 08:49:37 1994", "784111777", "1994-11-06T08:49:37Z", "aaaaaaaaaaaaaaaaaaaaaaaa",
        ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,", "                             ", "Sun,                         ",
    ]) func `another form is no date`(_ text: String) {
        #expect(parse(text) == nil)
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sun, 06 Nov 1994 08:49:37 +0000", 784_111_777),
        ("Sun, 06 Nov 1994 10:19:37 +0130", 784_111_777), ("Sun, 06 Nov 1994 03:49:37 -0500", 784_111_777),
        ("Sun, 06 Nov 1994 08:49:37 0000", nil), ("Sun, 06 Nov 1994 08:49:37 +000", nil),
        ("Sun, 06 Nov 1994 08:49:37 +00000", nil), ("Sun, 06 Nov 1994 08:49:37 +-100", nil),
        ("Sun, 06 Nov 1994 08:49:37 +2400", nil), ("Sun, 06 Nov 1994 08:49:37 +0060", nil),
        ("Sun, 06 Nov 1994 08:49:37 CET", nil),
        ("Sun Nov  6 08:49:37 1994 GMT", 784_111_777), ("Sun Nov 16 08:49:37 1994", 784_975_777),
        ("Sun Nov  6 09:49:37 1994 +0100", 784_111_777), ("Sun Nov  6 08:49:37 1994 ", nil),
        ("Sun, 6 Nov 1994 08:49:37 +0000", 784_111_777), ("Sun, 6 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sun, 16 Nov 1994 08:49:37 GMT", 784_975_777), ("Sun, 016 Nov 1994 08:49:37 GMT", nil),
        ("Sun,  6 Nov 1994 08:49:37 GMT", 784_111_777), ("Sun,   6 Nov 1994 08:49:37 GMT", nil),
        ("Sun,  16 Nov 1994 08:49:37 GMT", nil),
    ]) func `a date as in mail, where that is taken`(_ text: String, _ seconds: Int?) {
        #expect(HTTPDate.parse(Array(text.utf8).span, asInMail: true) == seconds)
    }

    @Test(arguments: [
        (1994, "00 Nov"), (1994, "31 Nov"), (1994, "32 Jan"), (1994, "99 Jan"), (1994, "29 Feb"),
        (1994, "30 Feb"),
        (2000, "30 Feb"), (1900, "29 Feb"), (2100, "29 Feb"), (2023, "31 Apr"), (2023, "31 Jun"),
        (2023, "31 Sep"),
    ]) func `a day that the month does not have`(_ year: Int, _ day: String) {
        #expect(parse("Sun, \(day) \(year) 08:49:37 GMT") == nil)
    }

    @Test(arguments: ["24:00:00", "23:60:00", "99:00:00", "00:99:00", "00:00:99"])
    func `a time that the day does not have`(_ clock: String) {
        #expect(parse("Sun, 06 Nov 1994 \(clock) GMT") == nil)
        #expect(parse("Sunday, 06-Nov-94 \(clock) GMT") == nil)
        #expect(parse("Sun Nov  6 \(clock) 1994") == nil)
    }

    @Test(arguments: moments) func `no byte and no cut makes it fall over`(_ moment: Moment) {
        for text in [moment.preferred, moment.rfc850, moment.asctime] {
            let bytes = Array(text.utf8)
            for length in 0..<bytes.count { #expect(parse(Array(bytes[..<length])) == nil) }
            for index in bytes.indices {
                for byte in UInt8.min...UInt8.max where byte != bytes[index] {
                    var hostile = bytes
                    hostile[index] = byte
                    // Where it is still a date, it is one within reach of a changed digit or month.
                    if let seconds = parse(hostile) {
                        let inReach = (secondsByLibrary(0, 1, 1)..<secondsByLibrary(10000, 1, 1)).contains(
                            seconds)
                        #expect(inReach)
                    }
                }
            }
        }
    }

    @Test func `all years that four digits can spell`() {
        for year in 0...9999 {
            let digits = String(repeating: "0", count: 4 - String(year).count) + String(year)
            let seconds = parse("Mon, 01 Mar \(digits) 00:00:00 GMT")
            if seconds != secondsByLibrary(year, 3, 1) {
                Issue.record("\(digits): \(seconds.map(String.init) ?? "nil")")
            }
        }
    }

    @Test func `each day from 1970 to 2100 comes back, as the C library writes it`() {
        var seconds = 0
        var failures = 0
        while seconds < secondsByLibrary(2101, 1, 1), failures < 5 {
            let text = write(seconds)
            if text != dateByLibrary(seconds) || parse(text) != seconds {
                failures += 1
                Issue.record("\(seconds): \(text), expected \(dateByLibrary(seconds))")
            }
            // A day and a bit, so that all times of the day have their turn.
            seconds += 86400 + 3671
        }
    }

    @Test(arguments: [
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (secondsByLibrary(9999, 12, 31, 23, 59, 59), "Fri, 31 Dec 9999 23:59:59 GMT"),
        (secondsByLibrary(10000, 1, 1), "Fri, 31 Dec 9999 23:59:59 GMT"),
        (Int.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (secondsByLibrary(0, 1, 1), "Sat, 01 Jan 0000 00:00:00 GMT"),
        (secondsByLibrary(-1, 12, 31), "Sat, 01 Jan 0000 00:00:00 GMT"),
        (Int.min, "Sat, 01 Jan 0000 00:00:00 GMT"),
    ]) func `any time stamp of a file has a date of 29 bytes`(_ seconds: Int, _ expected: String) {
        #expect(write(seconds) == expected)
        #expect(HTTPDate.bytes(seconds).count == HTTPDate.length)
    }

    @Test func `a date is appended behind what is there`() {
        var buffer = ByteBuffer()
        buffer.append("Date: ")
        HTTPDate.append(784_111_777, to: &buffer)
        #expect(buffer.bytes.string == "Date: Sun, 06 Nov 1994 08:49:37 GMT")
    }
}

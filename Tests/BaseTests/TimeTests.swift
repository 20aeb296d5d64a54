import Base
import Glibc
import Testing

@Suite struct CalendarTimeTests {
    @Test func `each day of eight centuries, counted one by one`() {
        var (year, month, day, weekday) = (1600, 1, 1, 6)
        var seconds = -11_676_096_000
        var failures = 0
        while year < 2400, failures < 5 {
            let calendar = CalendarTime(secondsSince1970: seconds + 45296)
            let expected = CalendarTime(
                year: year, month: month, day: day, hour: 12, minute: 34, second: 56, weekday: weekday)
            if calendar != expected || expected.secondsSince1970 != seconds + 45296 {
                failures += 1
                Issue.record("\(calendar) is not \(expected)")
            }
            seconds += 86400
            weekday = weekday == 6 ? 0 : weekday + 1
            day += 1
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            if day > [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] {
                (month, day) = (month + 1, 1)
            }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test(arguments: [
        0, 1, -1, 59, 60, 3599, 3600, 86399, 86400, -86399, -86400, -86401, 951_782_399, 951_782_400,
        4_107_542_400,
        -62_167_219_200, -62_167_219_201, -62_162_035_200, 253_402_300_799, 253_402_300_800,
        -1_000_000_000_000,
        1_000_000_000_000,
    ]) func `the C library counts the same`(_ seconds: Int) {
        var time = time_t(seconds)
        var broken = tm()
        gmtime_r(&time, &broken)
        let expected = CalendarTime(
            year: Int(broken.tm_year) + 1900, month: Int(broken.tm_mon) + 1, day: Int(broken.tm_mday),
            hour: Int(broken.tm_hour), minute: Int(broken.tm_min), second: Int(broken.tm_sec),
            weekday: Int(broken.tm_wday))
        #expect(CalendarTime(secondsSince1970: seconds) == expected)
        #expect(expected.secondsSince1970 == seconds)
    }

    @Test(arguments: [Int.min, Int.min + 1, Int.min + 86399, Int.max - 1, Int.max])
    func `no number of seconds is out of reach`(_ seconds: Int) {
        let calendar = CalendarTime(secondsSince1970: seconds)
        #expect((1...12).contains(calendar.month))
        #expect((1...31).contains(calendar.day))
        #expect((0...23).contains(calendar.hour))
        #expect((0...6).contains(calendar.weekday))
    }

    @Test func `names of days and months`() {
        #expect(CalendarTime.weekdays.count == 7)
        #expect(CalendarTime.months.count == 12)
        #expect(CalendarTime.weekdays[CalendarTime(secondsSince1970: 0).weekday].description == "Thu")
        #expect(CalendarTime.months[CalendarTime(secondsSince1970: 0).month - 1].description == "Jan")
    }
}

@Suite struct ClockTests {
    @Test func `spans convert`() {
        #expect(TimeSpan.seconds(3) == .milliseconds(3000))
        #expect(TimeSpan.milliseconds(2).nanoseconds == 2_000_000)
        #expect(TimeSpan.milliseconds(1500).seconds == 1.5)
        #expect(TimeSpan(nanoseconds: 1_999_999).milliseconds == 1)
        #expect(TimeSpan(nanoseconds: 1_999_999).microseconds == 1999)
        #expect(TimeSpan.zero < .milliseconds(1))
    }

    @Test func `instants add, subtract and saturate`() {
        let start = Instant(nanoseconds: 5)
        #expect(start + .seconds(1) == Instant(nanoseconds: 1_000_000_005))
        #expect(start + .seconds(1) - start == .seconds(1))
        #expect(Instant.never + .seconds(1) == .never)
        #expect(Instant(nanoseconds: .max - 1) + .seconds(1) == .never)
        #expect(start < .never)
    }

    @Test func `the monotonic clock does not go back`() {
        var last = Instant.now
        for _ in 0..<1000 {
            let next = Instant.now
            #expect(last <= next)
            last = next
        }
    }

    @Test func `the wall clock is the C library's`() {
        let before = time(nil)
        let now = WallClock.now
        let after = time(nil)
        // time(2) reads a coarse clock, which may lag a tick behind.
        #expect((before - 1...after + 1).contains(now.seconds))
        #expect((0..<1_000_000_000).contains(now.nanoseconds))
    }

    @Test func `local time differs from UTC by its offset`() {
        let seconds = 1_700_000_000
        let (calendar, offset) = WallClock.local(seconds)
        #expect(calendar.secondsSince1970 - offset * 60 == seconds)
        #expect(calendar.weekday == CalendarTime(secondsSince1970: seconds + offset * 60).weekday)
    }
}

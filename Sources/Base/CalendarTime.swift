import Glibc

/// Seconds since 1970 in UTC, and the calendar that follows from them, without Foundation.
package struct CalendarTime: Equatable, Sendable {
    package var year: Int
    package var month: Int  // 1...12
    package var day: Int  // 1...31
    package var hour: Int
    package var minute: Int
    package var second: Int
    package var weekday: Int  // 0 is Sunday

    package static let weekdays: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    package static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    package init(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, weekday: Int = 0) {
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second, self.weekday) = (hour, minute, second, weekday)
    }

    /// The calendar of `seconds` since 1970-01-01 00:00:00, in the proleptic Gregorian calendar.
    package init(secondsSince1970 seconds: Int) {
        // Rounded down; no step may overflow, for a file's time stamp is whatever somebody set.
        var (days, rest) = seconds.quotientAndRemainder(dividingBy: 86400)
        if rest < 0 { (days, rest) = (days - 1, rest + 86400) }
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
        weekday = ((days % 7) + 11) % 7
        // Years are counted from March, so that the leap day is the last of a year.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    package var secondsSince1970: Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (era * 146_097 + dayOfEra - 719_468) * 86400 + hour * 3600 + minute * 60 + second
    }
}

/// Parts of dates as text.
extension ByteBuffer {
    /// `2026-11-21`
    package mutating func append(date time: CalendarTime) {
        append(decimal: time.year, width: 4)
        append(ASCII.dash)
        append(decimal: time.month, width: 2)
        append(ASCII.dash)
        append(decimal: time.day, width: 2)
    }

    /// `14:03`
    package mutating func append(minuteOf time: CalendarTime) {
        append(decimal: time.hour, width: 2)
        append(ASCII.colon)
        append(decimal: time.minute, width: 2)
    }

    /// `14:03:07`
    package mutating func append(secondOf time: CalendarTime) {
        append(minuteOf: time)
        append(ASCII.colon)
        append(decimal: time.second, width: 2)
    }
}

/// The wall clock.
package enum WallClock {
    /// Seconds and nanoseconds since 1970.
    package static var now: (seconds: Int, nanoseconds: Int) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return (time.tv_sec, time.tv_nsec)
    }

    /// The calendar in the zone of the machine (`TZ`), and its distance from UTC in minutes.
    package static func local(_ seconds: Int) -> (calendar: CalendarTime, offset: Int) {
        var time = time_t(seconds)
        var broken = tm()
        localtime_r(&time, &broken)
        let calendar = CalendarTime(
            year: Int(broken.tm_year) + 1900, month: Int(broken.tm_mon) + 1, day: Int(broken.tm_mday),
            hour: Int(broken.tm_hour), minute: Int(broken.tm_min), second: Int(broken.tm_sec),
            weekday: Int(broken.tm_wday))
        return (calendar, broken.tm_gmtoff / 60)
    }
}

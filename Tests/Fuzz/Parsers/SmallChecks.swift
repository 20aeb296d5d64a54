import Base
import Config
import Passwords
import Wire

/// A date that is read is written to itself, where four digits can say its year.
enum HTTPDateCheck {
    static func check(_ input: [UInt8]) {
        let asInMail = HTTPDate.parse(input.span, asInMail: true)
        guard let seconds = HTTPDate.parse(input.span) else { return }
        precondition(asInMail == seconds, "mail has all forms")
        let written = HTTPDate.bytes(seconds)
        precondition(written.count == HTTPDate.length, "a date has its length")
        // A leap second at the end of 9999 is a second of 10000.
        guard seconds <= 253_402_300_799 else { return }
        precondition(HTTPDate.parse(written.span) == seconds, "a date is written to itself")
    }
}

/// The members of a list come in their order, are not empty and have no blanks at their ends.
enum ListReaderCheck {
    static func check(_ input: [UInt8]) {
        var reader = ListReader(input.span)
        var rest = input[...]
        while let member = reader.next() {
            precondition(!member.isEmpty, "a member is not empty")
            precondition(!ASCII.isBlank(member[0]) && !ASCII.isBlank(member[member.count - 1]), "no blanks")
            let member = member.array
            while !rest.starts(with: member) {
                precondition(rest.popFirst() != nil, "a member is part of the list")
            }
            rest = rest.dropFirst(member.count)
        }
        precondition(reader.next() == nil, "the end is the end")
    }
}

/// What is read of an INI file stands in its order, has names, and is read alike a second time.
enum INIReaderCheck {
    static func check(_ input: [UInt8]) {
        let file = INIReader.read(input, file: "f")
        let count = input.count { $0 == ASCII.lf } + 1
        var line = 0
        for section in file.sections {
            precondition(section.position.line > line && section.position.line <= count, "sections in order")
            line = section.position.line
            for entry in section.entries {
                precondition(entry.position.line > line && entry.position.line <= count, "entries in order")
                precondition(!entry.name.isEmpty, "an entry has a name")
                line = entry.position.line
            }
        }
        let again = INIReader.read(input, file: "f")
        precondition(again.sections == file.sections, "read alike a second time")
    }
}

/// A user has a name, without a colon; neither part has control bytes.
enum BasicCredentialsCheck {
    static func check(_ input: [UInt8]) {
        guard let credentials = BasicCredentials(input.span) else { return }
        precondition(!credentials.user.isEmpty && !credentials.user.contains(ASCII.colon), "a name")
        precondition(
            !(credentials.user + credentials.password).contains(where: ASCII.isControl), "plain text")
    }
}

/// Each line has one problem at most, in their order.
enum PasswordFileCheck {
    static func check(_ input: [UInt8]) {
        let lines = PasswordFile(input.span).problems.map(\.line)
        precondition(zip(lines, lines.dropFirst()).allSatisfy(<), "problems in order")
        precondition(lines.last ?? 0 <= input.count { $0 == ASCII.lf } + 1, "lines of the file")
    }
}

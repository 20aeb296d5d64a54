import Base
import CInih
import Glibc

/// One `key = value`.
package struct INIEntry: Equatable {
    /// As written.
    package var name: String
    /// Without comment and surrounding blanks, quotes and `${NAME}` still in it.
    package var value: String
    package var position: SourcePosition
}

/// One `[name]` and the entries that follow it.
package struct INISection: Equatable {
    /// As written, without surrounding blanks.
    package var name: String
    package var position: SourcePosition
    /// Whether the header is in error, which is reported; the name is then a guess.
    package var isBroken = false
    package var entries: [INIEntry] = []
}

/// The sections of one file in their order, and what is wrong with its lines.
package struct INIFile {
    package var sections: [INISection] = []
    package var problems: [ConfigProblem] = []
}

/// Reads INI files by libinih, and knows the line of everything.
///
/// libinih asks for one line after the other, and calls back for each entry before it asks for the next
/// line. So whoever hands out the lines knows where each entry stands, and can look at a line before
/// libinih does: it keeps back those that libinih would cut or take for something else, as problems.
package enum INIReader {
    /// Bytes in a line, its end not counted.
    static let maxLine = 64 * 1024
    /// Bytes in a file.
    static let maxFile = 16 * 1024 * 1024
    /// libinih cuts longer names of keys.
    static let maxName = 49

    /// Reads `bytes` as the contents of `file`, which is only a name here.
    package static func read(_ bytes: [UInt8], file: String) -> INIFile {
        _ = configured
        let lines = LineSource(bytes, file: file)
        withExtendedLifetime(lines) {
            let pointer = Unmanaged.passUnretained(lines).toOpaque()
            // Its result is the line of the first error only; LineSource notices every one.
            let result = ini_parse_stream(nextLine, pointer, takeEntry, pointer)
            lines.finish(outOfMemory: result == -2)
        }
        return lines.result
    }

    /// The variables that this sets are read by libinih alone, and only while it parses. Swift runs the
    /// initializer of a static constant once and lets other threads wait for it, so they are never
    /// written while somebody parses.
    private static let configured: Void = gh_ini_configure(CInt(maxLine + 2))
}

/// libinih's `fgets`.
private let nextLine: ini_reader = { buffer, size, stream in
    guard let buffer, let stream, size > 0 else { return nil }
    let lines = Unmanaged<LineSource>.fromOpaque(stream).takeUnretainedValue()
    let room = UnsafeMutableRawBufferPointer(start: buffer, count: Int(size))
    return lines.next(into: room) ? buffer : nil
}

/// libinih's callback for `key = value`. Zero would mean that it was not understood.
private let takeEntry: ini_handler = { user, section, name, value in
    guard let user, let section, let name, let value else { return 0 }
    let lines = Unmanaged<LineSource>.fromOpaque(user).takeUnretainedValue()
    lines.take(
        section: String(cString: section), name: String(cString: name), value: String(cString: value))
    return 1
}

/// Hands libinih the lines of a file and puts together what it makes of them.
private final class LineSource {
    private let bytes: [UInt8]
    private let file: String
    /// Index of the next line's first byte.
    private var start = 0
    private var line = 0
    /// The line that libinih has, and for which it owes an entry.
    private var owed: String?
    private(set) var result = INIFile()

    init(_ bytes: [UInt8], file: String) {
        (self.bytes, self.file) = (bytes, file)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
    }

    private var position: SourcePosition { SourcePosition(file: file, line: line) }

    private func report(_ message: String) {
        result.problems.append(ConfigProblem(position, message))
    }

    /// Copies the next line that libinih shall see into `room`; false at the end of the file.
    func next(into room: UnsafeMutableRawBufferPointer) -> Bool {
        settle()
        guard start < bytes.count else { return false }
        let end = bytes[start...].firstIndex(of: ASCII.lf) ?? bytes.count
        var content = bytes[start..<end]
        start = end + 1
        line += 1
        if content.last == ASCII.cr { content = content.dropLast() }
        content = trimmed(content)

        let shown = accept(content)
        // Room for a line feed and a zero.
        guard shown.count + 2 <= room.count else {
            report("line longer than libinih takes, \(room.count - 2) bytes")
            room.copyBytes(from: [ASCII.lf, 0])
            owed = nil
            return true
        }
        room.copyBytes(from: shown)
        room[shown.count] = ASCII.lf
        room[shown.count + 1] = 0
        return true
    }

    /// The form in which libinih gets a line: nothing in place of one that holds no entry.
    private func accept(_ content: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard content.count <= INIReader.maxLine else {
            report("line of \(content.count) bytes; maximum \(INIReader.maxLine)")
            return []
        }
        if let control = content.first(where: { ASCII.isControl($0) && $0 != ASCII.tab }) {
            let encoding = control == 0 ? ", in UTF-8 and not UTF-16" : ""
            report("control byte 0x\(hex(control)); a configuration is text\(encoding)")
            return []
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            report("invalid UTF-8; the file has to be saved in that encoding")
            return []
        }
        switch content.first {
        case nil, ASCII.semicolon, UInt8(ascii: "#"): return []
        case UInt8(ascii: "["): return header(text)
        default: break
        }
        let name = trimmed(content.prefix { $0 != ASCII.equals && $0 != ASCII.colon })
        if name.count > INIReader.maxName, name.count < content.count {
            report("unknown key \(String(decoding: name, as: UTF8.self).quoted)")
            return []
        }
        owed = text
        return content
    }

    /// Begins a section. libinih would cut a long name, end it at the first `]` whatever comes after, and
    /// say nothing of an empty section; so it gets the number of the section for a name.
    private func header(_ text: String) -> ArraySlice<UInt8> {
        let text = INIText.trimmed(INIText.beforeComment(text[...])).dropFirst()
        var section = INISection(name: "", position: position)
        if let close = text.lastIndex(of: "]") {
            let rest = INIText.trimmed(text[text.index(after: close)...])
            if !rest.isEmpty {
                report("\(rest.quoted) after the `]`; a comment there begins with a blank and `;`")
                section.isBroken = true
            }
            section.name = String(INIText.trimmed(text[..<close]))
        } else {
            report("`[` without `]`")
            // What follows belongs to this section all the same, and not to the one before it.
            section.isBroken = true
            section.name = String(INIText.trimmed(text))
        }
        result.sections.append(section)
        return Array("[\(result.sections.count - 1)]".utf8)[...]
    }

    /// Takes an entry from libinih.
    func take(section: String, name: String, value: String) {
        owed = nil
        if name.isEmpty { return report("no key before the `=`") }
        guard let index = Int(section), result.sections.indices.contains(index) else {
            return report("key \(name.quoted) before the first section")
        }
        do throws(ValueProblem) {
            let value = try INIText.withoutComment(value)
            result.sections[index].entries.append(INIEntry(name: name, value: value, position: position))
        } catch {
            report("\(name): \(error.message)")
        }
    }

    func finish(outOfMemory: Bool) {
        settle()
        if outOfMemory { report("no memory to read the file") }
    }

    /// A line that has brought no entry by the time the next one is asked for was not understood.
    private func settle() {
        if let owed { report("neither `[section]` nor `key = value`\(Self.hint(owed))") }
        owed = nil
    }

    /// For a line as other servers have them, or one that sets nothing.
    private static func hint(_ line: String) -> String {
        let word = line.split { " \t;{".contains($0) }.first.map(String.init) ?? ""
        if let own = ForeignNames.setting(for: word.lowercased()) { return "; here it is \(own), with `=`" }
        return Settings.all.contains { $0.name == word.lowercased() } ? "; `\(word) = …` sets it" : ""
    }

    private func trimmed(_ content: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var content = content.drop(while: ASCII.isBlank)
        while let last = content.last, ASCII.isBlank(last) { content.removeLast() }
        return content
    }

    private func hex(_ byte: UInt8) -> String {
        String(decoding: [ASCII.hexDigit(byte >> 4), ASCII.hexDigit(byte & 15)], as: UTF8.self)
    }
}

import Base
package import Glibc

/// A folder of its own for one test, gone with it.
package final class ScratchFolder: Sendable {
    /// Absolute and without symbolic links, so that it may be compared with what servers print.
    package let path: String

    package init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/gatehouse-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let real = realpath(template, nil) else {
            throw TestFailure("no scratch folder in \(parent): \(Errno.current)")
        }
        path = String(cString: real)
        free(real)
        // Scripts of other users must get in, too.
        chmod(path, 0o755)
    }

    deinit { removeTree(Array(path.utf8CString)) }

    /// The absolute path of something in the folder.
    package func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, with the folders on the way to it, and returns its absolute path.
    @discardableResult
    package func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws -> String {
        let path = path(name)
        if let slash = name.lastIndex(of: "/") { try makeFolder(String(name[..<slash])) }
        // A process started meanwhile would hold the open file for a moment, and running the file
        // in that moment would fail with ETXTBSY.
        try Spawner.holdingBack {
            do {
                let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
                try bytes.withUnsafeBytes { try file.writeAll($0) }
                // The umask has no say.
                if fchmod(file.raw, mode) < 0 { throw Errno.current }
            } catch {
                throw TestFailure("cannot write \(path): \(error)")
            }
        }
        return path
    }

    @discardableResult
    package func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
        try write(name, Array(text.utf8), mode: mode)
    }

    /// Writes an executable file: `script("cgi-bin/x", "#!/bin/sh\n…")`.
    @discardableResult
    package func script(_ name: String, _ text: String) throws -> String {
        try write(name, text, mode: 0o755)
    }

    /// Makes a folder with its parents, and returns its absolute path.
    @discardableResult
    package func makeFolder(_ name: String, mode: mode_t = 0o755) throws -> String {
        var path = path
        for part in name.split(separator: "/") {
            path += "/\(part)"
            if mkdir(path, 0o755) < 0 && errno != EEXIST {
                throw TestFailure("cannot make \(path): \(Errno.current)")
            }
        }
        if mode != 0o755 { chmod(path, mode) }
        return path
    }

    /// Makes a symbolic link that says `target`.
    package func link(_ name: String, to target: String) throws {
        if symlink(target, path(name)) < 0 {
            throw TestFailure("cannot link \(path(name)): \(Errno.current)")
        }
    }

    /// The text of a file in the folder.
    package func read(_ name: String) throws -> String {
        do { return try readText(path(name)) } catch {
            throw TestFailure("cannot read \(path(name)): \(error)")
        }
    }

    package func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(path(name), &status) == 0
    }

    /// Waits until a file has a line that contains `text`, and returns the line. For logs in files.
    package func waitForLine(in name: String, containing text: String, within seconds: Double = 20) throws
        -> String
    {
        var content = ""
        var found: String?
        _ = eventually(within: seconds) {
            content = (try? readText(path(name))) ?? ""
            let complete = content.lastIndex(of: "\n").map { content[..<$0] } ?? ""
            found = complete.split(separator: "\n").first { $0.utf8.contains(text.utf8) }.map(String.init)
            return found != nil
        }
        guard let found else { throw TestFailure("no line with \"\(text)\" in \(name):\n\(content)") }
        return found
    }
}

/// Removes a file, or a folder with what is in it; symbolic links are removed, never followed.
///
/// `path` ends with a zero: names need not be UTF-8.
private func removeTree(_ path: [CChar]) {
    if unlink(path) == 0 || errno == ENOENT { return }
    chmod(path, 0o700)
    if let folder = opendir(path) {
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                $0.prefix { $0 != 0 }.map(CChar.init(bitPattern:))
            }
            if name == [CChar(ASCII.dot)] || name == [CChar(ASCII.dot), CChar(ASCII.dot)] { continue }
            removeTree(path.dropLast() + [CChar(ASCII.slash)] + name + [0])
        }
        closedir(folder)
    }
    rmdir(path)
}

extension Collection where Element == UInt8 {
    /// Whether `part` stands somewhere in it. By bytes: no locale, no normal forms.
    package func contains(_ part: some Collection<UInt8>) -> Bool {
        var rest = self[...]
        guard let first = part.first else { return true }
        while let index = rest.firstIndex(of: first) {
            if rest[index...].starts(with: part) { return true }
            rest = rest[rest.index(after: index)...]
        }
        return false
    }
}

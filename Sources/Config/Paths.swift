import Base
import Glibc

/// Paths of a configuration, and what stands at them.
enum Paths {
    /// `path`, from `base` where it is relative: absolute, without `.`, `//` and a slash at the end.
    ///
    /// Symbolic links stay as they are, so that a link that is turned to a new version of a site is
    /// followed with each request. Only a `..` is resolved as the kernel would, where the folder before it
    /// exists.
    static func absolute(_ path: String, from base: String) -> String {
        let joined = path.utf8.first == ASCII.slash ? path : base + "/" + path
        var parts: [Substring] = []
        for part in joined.split(separator: "/") where part != "." {
            if part == "..", parts.last != "..",
                let parent = resolved("/" + (parts + [part]).joined(separator: "/"))
            {
                parts = parent.split(separator: "/")
            } else {
                parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The folder that `path` stands in, absolute.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: ASCII.slash) else { return absolute(".", from: current) }
        return absolute(String(path[...slash]), from: current)
    }

    /// The working folder.
    static var current: String {
        guard let pointer = getcwd(nil, 0) else { return "/" }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    /// `path` without links; nil where it leads nowhere.
    static func resolved(_ path: String) -> String? {
        guard let pointer = realpath(path, nil) else { return nil }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    enum Kind { case folder, file, other }

    /// What `path` leads to.
    static func kind(_ path: String) throws(Errno) -> Kind {
        switch try FilePath(path).status().st_mode & S_IFMT {
        case S_IFDIR: .folder
        case S_IFREG: .file
        default: .other
        }
    }

    static func requireFolder(_ path: String) throws(ValueProblem) {
        if try kindOrProblem(path) != .folder { throw ValueProblem("\(path.quoted) is not a folder") }
    }

    static func requireFile(_ path: String) throws(ValueProblem) {
        switch try kindOrProblem(path) {
        case .folder: throw ValueProblem("\(path.quoted) is a folder; takes a file")
        case .file, .other: break
        }
    }

    static func requireSomething(_ path: String) throws(ValueProblem) {
        _ = try kindOrProblem(path)
    }

    /// For a file that will be made: the folder must be there.
    static func requireParent(_ path: String) throws(ValueProblem) {
        if let kind = try? kind(path), kind == .folder {
            throw ValueProblem("\(path.quoted) is a folder; takes a file")
        }
        let parent = folder(of: path)
        do throws(Errno) {
            if try kind(parent) == .folder { return }
        } catch {
            throw ValueProblem("folder \(parent.quoted): \(error)")
        }
        throw ValueProblem("\(parent.quoted) is not a folder")
    }

    private static func kindOrProblem(_ path: String) throws(ValueProblem) -> Kind {
        do throws(Errno) {
            return try kind(path)
        } catch {
            if error == .accessDenied,
                let folder = FilePath(path).firstClosedFolder({ $0.refusal(of: X_OK) })
            {
                let owner = (try? folder.status()).map { " of \(SystemUser.name($0.st_uid))" } ?? ""
                throw ValueProblem(
                    "\(path.quoted): the folder \(folder)\(owner) cannot be entered by \(SystemUser.name(geteuid())); `chmod o+x \(folder)` lets it"
                )
            }
            throw ValueProblem("\(path.quoted): \(error)")
        }
    }

    /// The bytes of the file at `path`, not over `limit` of them.
    static func read(_ path: String, limit: Int) throws(ValueProblem) -> [UInt8] {
        do throws(Errno) {
            let file = try FileDescriptor.open(path, O_RDONLY)
            if try file.status().st_mode & S_IFMT == S_IFDIR { throw Errno.isAFolder }
            return try file.contents(limit: limit)
        } catch .isAFolder {
            throw ValueProblem("is a folder; takes a file")
        } catch .fileTooLarge {
            throw ValueProblem("larger than \(limit >> 20)M")
        } catch {
            throw ValueProblem("cannot be read: \(error)")
        }
    }

    /// The paths that `pattern` stands for, sorted. The folder before the first wildcard has to exist; a
    /// pattern without wildcards stands for itself.
    static func matching(_ pattern: String) throws(ValueProblem) -> [String] {
        let isWild: (UInt8) -> Bool = {
            $0 == ASCII.asterisk || $0 == ASCII.question || $0 == UInt8(ascii: "[")
        }
        guard let wild = pattern.utf8.firstIndex(where: isWild) else { return [pattern] }
        try requireFolder(folder(of: String(pattern[..<wild])))
        var found = glob_t()
        defer { globfree(&found) }
        // A folder that cannot be read would leave out files without a word; one that a wildcard has not
        // led to is no error.
        switch glob(pattern, 0, { $1 == ENOENT ? 0 : 1 }, &found) {
        case 0: break
        case GLOB_NOMATCH: return []
        default: throw ValueProblem("\(pattern.quoted): a folder in it cannot be read")
        }
        let paths = UnsafeBufferPointer(start: found.gl_pathv, count: Int(found.gl_pathc))
        return paths.compactMap { $0.map { String(cString: $0) } }
    }
}

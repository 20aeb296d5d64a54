package import Base
import CLinux
package import Config
package import Glibc

/// A folder that files are served from, and the only way into it.
///
/// Belongs to the loop's thread.
package final class Folder {
    package let path: FilePath
    private var descriptor: FileDescriptor?
    private var opened = Instant(nanoseconds: 0)
    /// The folder's path without symbolic links, for links that name their target in full.
    private var realPath: FilePath?
    private let scriptPlaces: ScriptPlaces?
    /// Those that its files may lie in, as long as links do not lead out of it.
    private var overlapping: [ScriptPlaces.Place] = []
    private let showsScripts: Bool

    /// For `open`: only to look at what is there, which needs no right to read it.
    package static let pathOnly = gh_o_path

    /// `scripts`: in which nothing is to be sent as a file. `showsScripts`: but for those that the folder is
    /// itself, or lies in.
    package init(_ path: FilePath, scripts: ScriptPlaces? = nil, showsScripts: Bool = false) {
        (self.path, scriptPlaces, self.showsScripts) = (path, scripts, showsScripts)
    }

    /// An open file and what `fstat` said of it.
    package struct OpenFile: ~Copyable {
        package let descriptor: FileDescriptor
        package let status: stat

        package var kind: mode_t { status.st_mode & S_IFMT }
        package var isFolder: Bool { kind == S_IFDIR }
        package var isRegular: Bool { kind == S_IFREG }
        package var size: Int { Int(status.st_size) }
        package var modified: Int { status.st_mtim.tv_sec }

        /// Where it lies, without links. Nil where the kernel does not tell, for want of /proc or because it
        /// is too long.
        package borrowing func path() -> FilePath? {
            let room = Int(PATH_MAX)
            let raw = descriptor.raw
            let path = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                count = buffer.withMemoryRebound(to: CChar.self) { buffer in
                    buffer.baseAddress.map { max(0, readlink("/proc/self/fd/\(raw)", $0, room)) } ?? 0
                }
            }
            if path.isEmpty || path.count == room { return nil }
            // What the kernel adds to the name of a file that is gone by now.
            return FilePath(path.ends(with: " (deleted)") ? path.dropLast(10) : path[...])
        }
    }

    /// Opens what `relative`, a decoded URL path, names below the folder. The kernel sees to it that
    /// nothing outside is reached, whatever the path says and wherever links lead.
    ///
    /// Throws `crossesRoot` where a link leads outside, `tooManyLinks` where links are denied.
    package func open(
        _ relative: [UInt8].SubSequence, flags: CInt = O_RDONLY, symlinks: SymlinkPolicy, now: Instant
    ) throws(Errno) -> OpenFile {
        let name = Folder.name(relative)
        // Opening a pipe must not wait for its other end. With O_PATH openat2 takes no such flags.
        let flags = flags & gh_o_path != 0 ? flags : flags | O_NONBLOCK | O_NOCTTY
        let raw: CInt
        switch symlinks {
        case .inside:
            var result = try openBelow(
                name, flags, UInt64(GH_RESOLVE_BENEATH | GH_RESOLVE_NO_MAGICLINKS), now)
            if result < 0, Errno.current == .crossesRoot { result = try openAbsoluteLink(name, flags, now) }
            raw = result
        case .deny:
            raw = try openBelow(name, flags, UInt64(GH_RESOLVE_BENEATH | GH_RESOLVE_NO_SYMLINKS), now)
        case .follow:
            raw = try openBelow(name, flags, 0, now)
        }
        if raw < 0 { throw .current }
        let file = FileDescriptor(owning: raw)
        let status = try file.status()
        return OpenFile(descriptor: file, status: status)
    }

    /// Why an open file is not to be sent, where it is a script or lies among scripts; nil where it may be.
    ///
    /// What the folder itself lies in was put there by name, so what nothing would run is sent from there.
    package func scriptRefusal(
        of file: borrowing OpenFile, symlinks: SymlinkPolicy, now: Instant
    ) -> String? {
        let places = symlinks == .follow ? scriptPlaces?.all ?? [] : overlapping
        if places.isEmpty { return nil }
        guard let path = file.path() else {
            return
                "cannot tell whether a file below \(self.path) lies among scripts: the kernel does not tell its path"
        }
        for place in places {
            let real = place.real(now)
            guard path.rest(below: real) != nil else { continue }
            if let realPath, path.rest(below: realPath) != nil, let inner = realPath.rest(below: real) {
                if showsScripts { continue }
                let isRun = file.status.st_mode & 0o111 != 0 || place.endings.contains { path.hasSuffix($0) }
                if !inner.isEmpty, file.isFolder || !isRun { continue }
            }
            return ScriptPlaces.Find(file: path, place: place).reason(below: self.path)
        }
        return nil
    }

    /// Names in an open folder that are scripts, or folders of them.
    func scripts(in folder: borrowing OpenFile, symlinks: SymlinkPolicy, now: Instant) -> [[UInt8]] {
        let places = symlinks == .follow ? scriptPlaces?.all ?? [] : overlapping
        guard !places.isEmpty, let path = folder.path() else { return [] }
        return places.compactMap { place in
            guard let rest = place.real(now).rest(below: path), !rest.isEmpty else { return nil }
            let name = rest.dropFirst()
            return name.contains(ASCII.slash) ? nil : Array(name)
        }
    }

    /// `open`, for callers that go on differently where it fails.
    package enum Opening: ~Copyable {
        case opened(OpenFile)
        case failed(Errno)
    }

    package func opening(
        _ relative: [UInt8].SubSequence, symlinks: SymlinkPolicy, now: Instant
    ) -> Opening {
        do throws(Errno) { return .opened(try open(relative, symlinks: symlinks, now: now)) } catch {
            return .failed(error)
        }
    }

    /// `a//b/` as the kernel wants it: relative, and `.` for the folder itself.
    private static func name(_ relative: [UInt8].SubSequence) -> [CChar] {
        var name: [CChar] = []
        name.reserveCapacity(relative.count + 2)
        for byte in relative {
            if byte == ASCII.slash, name.isEmpty || name.last == CChar(ASCII.slash) { continue }
            name.append(CChar(bitPattern: byte))
        }
        if name.isEmpty { name.append(CChar(ASCII.dot)) }
        name.append(0)
        return name
    }

    private func openBelow(_ name: [CChar], _ flags: CInt, _ resolve: UInt64, _ now: Instant) throws(Errno)
        -> CInt
    {
        try refresh(now)
        guard let raw = descriptor?.raw else { throw .noSuchFile }
        // Not without end: a leased file, too, gives EAGAIN.
        for _ in 0..<16 {
            let result = gh_openat2(raw, name, flags, resolve)
            // EAGAIN: somebody renamed something on the way; the kernel asks to try again.
            if result >= 0 || (Errno.current != .interrupted && Errno.current != .wouldBlock) {
                return result
            }
        }
        throw .wouldBlock
    }

    /// An absolute link counts as leaving for the kernel even where its target lies inside.
    private func openAbsoluteLink(_ name: [CChar], _ flags: CInt, _ now: Instant) throws(Errno) -> CInt {
        guard let root = realPath else { throw .crossesRoot }
        let relative = [ASCII.slash] + name.dropLast().map(UInt8.init(bitPattern:))
        guard let inside = try FilePath(relative, below: root).resolve().rest(below: root) else {
            throw .crossesRoot
        }
        return try openBelow(
            Folder.name(inside), flags, UInt64(GH_RESOLVE_BENEATH | GH_RESOLVE_NO_MAGICLINKS), now)
    }

    /// Opens the folder anew once a second, so that one that is replaced (a link set to a new
    /// release, say) is noticed.
    private func refresh(_ now: Instant) throws(Errno) {
        if descriptor != nil, (now - opened).nanoseconds < 1_000_000_000 { return }
        descriptor = nil
        descriptor = try .open(path, gh_o_path | O_DIRECTORY)
        opened = now
        let real = path.resolved
        if real == realPath, real != nil { return }
        realPath = real
        overlapping = real.flatMap { scriptPlaces?.overlapping($0, now) } ?? scriptPlaces?.all ?? []
    }
}

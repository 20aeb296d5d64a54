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

    /// For `open`: only to look at what is there, which needs no right to read it.
    package static let pathOnly = gh_o_path

    package init(_ path: FilePath) { self.path = path }

    /// An open file and what `fstat` said of it.
    package struct OpenFile: ~Copyable {
        package let descriptor: FileDescriptor
        package let status: stat

        package var kind: mode_t { status.st_mode & S_IFMT }
        package var isFolder: Bool { kind == S_IFDIR }
        package var isRegular: Bool { kind == S_IFREG }
        package var size: Int { Int(status.st_size) }
        package var modified: Int { status.st_mtim.tv_sec }
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
        realPath = path.resolved
    }
}

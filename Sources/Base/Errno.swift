import Glibc

/// The reason a system call gave for its failure.
///
/// Read it next to the call: anything that runs in between, a deinitializer too, may change `errno`.
package struct Errno: Error, Equatable, Hashable, Sendable {
    package let code: CInt

    package init(_ code: CInt) { self.code = code }

    /// The calling thread's `errno`.
    package static var current: Errno { Errno(Glibc.errno) }

    package static let interrupted = Errno(EINTR)
    package static let wouldBlock = Errno(EAGAIN)
    package static let noSuchFile = Errno(ENOENT)
    package static let notAFolder = Errno(ENOTDIR)
    package static let isAFolder = Errno(EISDIR)
    package static let accessDenied = Errno(EACCES)
    package static let notPermitted = Errno(EPERM)
    package static let crossesRoot = Errno(EXDEV)
    package static let tooManyLinks = Errno(ELOOP)
    package static let nameTooLong = Errno(ENAMETOOLONG)
    package static let tooManyFiles = Errno(EMFILE)
    package static let tooManyFilesInSystem = Errno(ENFILE)
    package static let brokenPipe = Errno(EPIPE)
    package static let connectionRefused = Errno(ECONNREFUSED)
    package static let connectionReset = Errno(ECONNRESET)
    package static let invalid = Errno(EINVAL)
    package static let fileTooLarge = Errno(EFBIG)
    package static let noSpace = Errno(ENOSPC)
    package static let noDevice = Errno(ENXIO)
    package static let textBusy = Errno(ETXTBSY)
    package static let listTooLong = Errno(E2BIG)
}

extension Errno: CustomStringConvertible {
    /// The system's words, `No such file or directory`.
    package var description: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            // Within its capacity the call always ends the text with a zero.
            guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else {
                return "error \(code)"
            }
            let length = buffer.firstIndex(of: 0) ?? 0
            return String(decoding: buffer[..<length].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}

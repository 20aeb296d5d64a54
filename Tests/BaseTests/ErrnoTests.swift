import Base
import Glibc
import Testing

@Suite struct ErrnoTests {
    @Test(arguments: [
        (Errno.noSuchFile, ENOENT, "No such file or directory"), (.notAFolder, ENOTDIR, "Not a directory"),
        (.isAFolder, EISDIR, "Is a directory"), (.accessDenied, EACCES, "Permission denied"),
        (.notPermitted, EPERM, "Operation not permitted"), (.interrupted, EINTR, "Interrupted system call"),
        (.wouldBlock, EAGAIN, "Resource temporarily unavailable"),
        (.crossesRoot, EXDEV, "Invalid cross-device link"),
        (.tooManyLinks, ELOOP, "Too many levels of symbolic links"),
        (.nameTooLong, ENAMETOOLONG, "File name too long"),
        (.tooManyFiles, EMFILE, "Too many open files"),
        (.tooManyFilesInSystem, ENFILE, "Too many open files in system"),
        (.brokenPipe, EPIPE, "Broken pipe"), (.connectionReset, ECONNRESET, "Connection reset by peer"),
        (.invalid, EINVAL, "Invalid argument"),
        (.noSpace, ENOSPC, "No space left on device"), (.noDevice, ENXIO, "No such device or address"),
        (.listTooLong, E2BIG, "Argument list too long"),
    ]) func `code and words`(_ error: Errno, _ code: CInt, _ words: String) {
        #expect(error.code == code)
        #expect(error == Errno(code))
        #expect(error.description == words)
        #expect("\(error)" == words)
    }

    @Test(arguments: [-1, 9999, CInt.max, CInt.min]) func `a number without words`(_ code: CInt) {
        #expect(Errno(code).description == "error \(code)")
    }

    @Test func `the thread's own`() {
        errno = ENOENT
        #expect(Errno.current == .noSuchFile)
        errno = 0
        #expect(Errno.current.description == "Success")
    }
}

@Suite struct SignalTests {
    @Test(arguments: [
        (SIGHUP, "SIGHUP"), (SIGINT, "SIGINT"), (SIGQUIT, "SIGQUIT"), (SIGILL, "SIGILL"),
        (SIGTRAP, "SIGTRAP"),
        (SIGABRT, "SIGABRT"), (SIGBUS, "SIGBUS"), (SIGFPE, "SIGFPE"), (SIGKILL, "SIGKILL"),
        (SIGUSR1, "SIGUSR1"),
        (SIGSEGV, "SIGSEGV"), (SIGUSR2, "SIGUSR2"), (SIGPIPE, "SIGPIPE"), (SIGALRM, "SIGALRM"),
        (SIGTERM, "SIGTERM"),
        (SIGXCPU, "SIGXCPU"), (SIGXFSZ, "SIGXFSZ"), (SIGSYS, "SIGSYS"), (0, "signal 0"), (40, "signal 40"),
    ]) func `names of signals`(_ number: CInt, _ name: String) {
        #expect(Signal.name(Int(number)) == name)
    }
}

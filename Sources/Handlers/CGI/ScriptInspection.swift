import Base
import Glibc

/// What is wrong with a script as it lies on the disk, in words: the cause and what to do.
///
/// Looks at the files as the user that the script runs as. May block, so it runs on a pool's thread or
/// in a command.
struct ScriptInspection: Sendable {
    /// The first thing that keeps the script from starting; nil if nothing was found.
    private(set) var fault: String?
    /// The script or its place is not for this user to run: 403 and not 500.
    private(set) var isForbidden = false
    /// There is no such file.
    private(set) var isMissing = false
    /// What lets it start and will most likely have it fail, where there is no fault.
    private(set) var warning: String?
    private let user: FileAccess
    /// Where the script runs, and so where all relative paths start.
    private let folder: FilePath

    /// Inspects `file`, which `interpreter` runs, or which runs itself. `path` is the PATH that it gets,
    /// `user` whom it runs as; `mayGainRights`: a setuid bit gives it more.
    init(
        file: FilePath, interpreter: FilePath?, path: String, as user: FileAccess, mayGainRights: Bool = true
    ) {
        (self.user, folder) = (user, file.folder)
        if let fault = user.unreachable(file) {
            (self.fault, isForbidden) = (fault, true)
            return
        }
        let status: stat
        do throws(Errno) { status = try file.status() } catch {
            isMissing = error == .noSuchFile || error == .notAFolder
            fault = "\(file): \(error)"
            return
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            fault = "\(file) is not a regular file"
            return
        }
        if let interpreter {
            if let reason = refusal(of: interpreter) {
                fault = "the program \(interpreter) of cgi_interpreter cannot be run: \(reason)"
            } else if !user.may(.read, file) {
                fault = ScriptInspection.unreadable(file, user)
            }
            return
        }
        if status.st_mode & 0o111 == 0 {
            fault = "\(file) is not executable: no execute bit is set; `chmod 755 \(file)` makes it a script"
            isForbidden = true
            return
        }
        if !user.may(.run, file) {
            fault = notForUser(file, status)
            isForbidden = true
            return
        }
        fault = content(file, path)
        if fault == nil, let start = ScriptInspection.read(file, 4096), let line = Shebang(start) {
            warning = ScriptInspection.spoiltArgument(file, line)
        } else if fault == nil, !mayGainRights {
            warning = SetIDProgram.loss(file, as: user)
        }
    }

    private static func unreadable(_ file: FilePath, _ user: FileAccess) -> String {
        "\(file) cannot be read by \(user.userName), so no interpreter can run it; `chmod a+r \(file)` lets it"
    }

    private func notForUser(_ file: FilePath, _ status: stat) -> String {
        if FileAccess.isMountedNoexec(file) {
            return
                "\(file) lies on a file system that is mounted noexec, from which nothing can be run; move the script or name an interpreter with cgi_interpreter"
        }
        return
            "\(file) (mode \(FileAccess.octal(status.st_mode)), owner \(SystemUser.name(status.st_uid))) may not be run by \(user.userName); `chmod 755 \(file)` lets it"
    }

    // MARK: Its beginning

    /// `depth`: of how many scripts it is the interpreter's.
    private func content(_ file: FilePath, _ path: String, depth: Int = 0) -> String? {
        // A binary need not be readable to be run; a script's interpreter has to read it.
        if !user.may(.read, file) { return ScriptInspection.unreadable(file, user) }
        guard let start = ScriptInspection.read(file, 4096) else {
            // What the user may read, this process may not.
            return user.identity == nil ? ScriptInspection.unreadable(file, user) : nil
        }
        if start.isEmpty { return "\(file) is empty" }
        if start.starts(with: [0x7F] + "ELF".utf8) { return ScriptInspection.binary(file, start) }
        if start.starts(with: [0xEF, 0xBB, 0xBF]) {
            return
                "\(file) begins with a byte order mark (BOM), so the system does not see its #! line; save it as UTF-8 without BOM, or: sed -i '1s/^\\xEF\\xBB\\xBF//' \(file)"
        }
        if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
            return
                "\(file) is written in UTF-16, where the system sees no #! line; save it as UTF-8 without BOM"
        }
        guard let line = Shebang(start) else { return ScriptInspection.missingShebang(file, start) }
        // The kernel reads 256 bytes at most.
        let bytes = start.dropFirst(2).prefix { $0 != ASCII.lf }
        if bytes.dropLast().contains(ASCII.cr) {
            return
                "line 1 of \(file) ends in CR alone, as on old Macs, so the system takes all that follows for a part of it; `sed -i 's/\\r/\\n/g' \(file)` mends it"
        }
        if line.endsInCR, line.argument.isEmpty {
            return
                "line 1 of \(file) ends in CR LF (Windows line ends), so the system looks for an interpreter with a CR at the end of its name; \(ScriptInspection.lineEndCure(file))"
        }
        if bytes.count > 253 { return "line 1 of \(file) is longer than the 255 bytes that the system reads" }
        if line.interpreter.isEmpty { return "line 1 of \(file) names no interpreter behind #!" }
        return missingInterpreter(file, line, path, depth)
    }

    private static func lineEndCure(_ file: FilePath) -> String {
        "`dos2unix \(file)` or `sed -i 's/\\r$//' \(file)` mends it"
    }

    /// What an interpreter does not understand of its argument; nil for nothing.
    private static func spoiltArgument(_ file: FilePath, _ line: Shebang) -> String? {
        guard line.endsInCR, !line.argument.isEmpty, !line.mayEndInCR else { return nil }
        return
            "line 1 of \(file) ends in CR LF (Windows line ends), so \(line.name) gets the argument \(line.argument) with a CR at its end; \(lineEndCure(file))"
    }

    static func read(_ file: FilePath, _ count: Int) -> [UInt8]? {
        guard let descriptor = try? FileDescriptor.open(file, O_RDONLY | O_NONBLOCK) else { return nil }
        var buffer = ByteBuffer()
        _ = buffer.fill(atLeast: count) { room in
            max(0, Glibc.read(descriptor.raw, room.baseAddress, min(count, room.count)))
        }
        return buffer.bytes.array
    }

    private static func binary(_ file: FilePath, _ start: [UInt8]) -> String? {
        guard start.count > 19, let own = read("/proc/self/exe", 20), own.count > 19 else { return nil }
        // Class, byte order and machine must be those of this program.
        guard start[4] == own[4], start[5] == own[5], start[18] == own[18], start[19] == own[19] else {
            return "\(file) is a program for another kind of machine; it has to be compiled for this one"
        }
        guard let loader = ELFHeader.interpreter(start.span), access(loader, F_OK) != 0,
            Errno.current == .noSuchFile
        else { return nil }
        return
            "\(file) was compiled for another system: it needs the loader \(loader), which does not exist here; compile it here, or statically"
    }

    private static func missingShebang(_ file: FilePath, _ start: [UInt8]) -> String {
        let firstLine = String(decoding: start.prefix { $0 != ASCII.lf }.prefix(60), as: UTF8.self)
        let guess: String
        if file.hasSuffix(".pl") || start.containsText("use strict") {
            guess = "#!/usr/bin/perl"
        } else if file.hasSuffix(".py") || start.containsText("import ") {
            guess = "#!/usr/bin/python3"
        } else if start.starts(with: "<?php".utf8) || file.hasSuffix(".php") {
            return
                "\(file) is PHP and has no #! line; cgi_interpreter = .php /usr/bin/php-cgi in the site's section runs such files"
        } else {
            guess = "#!/bin/sh"
        }
        return
            "\(file) does not begin with #! and an interpreter, so the system cannot run it; line 1 is \"\(firstLine)\" and should be, say, \(guess)"
    }

    private func missingInterpreter(
        _ file: FilePath, _ line: Shebang, _ path: String, _ depth: Int
    ) -> String? {
        let interpreter = absolute(line.interpreter)
        let names = "line 1 of \(file) names the interpreter \(line.interpreter)"
        if isMissing(interpreter) {
            let isThere = hint(line.name, path)
            if line.isOfWindows { return "\(names), as on Windows; there is none here\(isThere)" }
            if line.interpreter.contains("/") { return "\(names), \(missing(line.interpreter))\(isThere)" }
            return
                "\(names) without its path, so the system looks for it in the script's folder and nowhere else\(isThere)"
        }
        if let reason = refusal(of: interpreter) { return "\(names), which cannot be run: \(reason)" }
        if interpreter == file { return "\(names), which is the file itself" }
        if let start = ScriptInspection.read(interpreter, 2) {
            // The kernel goes on with an interpreter that is a script.
            let isScript = start.starts(with: "#!".utf8)
            if isScript, depth + 1 >= ScriptInspection.longestChain {
                return
                    "\(names), which is a script as well; the system follows \(ScriptInspection.longestChain) in a row and no more"
            }
            // A program need not be readable.
            if isScript || user.may(.read, interpreter),
                let fault = content(interpreter, path, depth: depth + 1)
            {
                return "\(names), which cannot be run: \(fault)"
            }
        }
        return line.name == "env" ? missingProgram(file, line, path) : nil
    }

    /// Scripts of which each is the interpreter of the one before.
    private static let longestChain = 5

    /// The kernel and env take a relative path from where the process is, whichever file names it.
    private func absolute(_ path: String) -> FilePath {
        path.utf8.first == ASCII.slash ? FilePath(path) : FilePath("/\(path)".utf8, below: folder)
    }

    private func isMissing(_ file: FilePath) -> Bool {
        file.refusal(of: F_OK).map { $0 != .accessDenied } ?? false
    }

    private func missing(_ path: String) -> String {
        path.utf8.first == ASCII.slash
            ? "which does not exist" : "which does not exist below \(folder), where the script runs"
    }

    /// Why env(1) does not find what line 1 has it run; nil where it does.
    private func missingProgram(_ file: FilePath, _ line: Shebang, _ path: String) -> String? {
        switch line.program {
        case .unknown: return nil
        case .unsplit:
            let effect =
                if line.argument.hasPrefix("-") {
                    "is no option of env"
                } else if line.argument.contains("=") {
                    "names no program"
                } else {
                    "is what it looks for, a program with a blank in its name"
                }
            return
                "line 1 of \(file) gives env all that follows as one argument, and \"\(line.argument)\" \(effect); `#!\(line.interpreter) -S \(line.argument)` has env split it"
        case .named(let program):
            if line.endsInCR, !line.mayEndInCR {
                return
                    "line 1 of \(file) ends in CR LF (Windows line ends), so env looks for \(program) with a CR at the end of its name; \(ScriptInspection.lineEndCure(file))"
            }
            if find(program, path) != nil { return nil }
            let looks = "line 1 of \(file) has env look for \(program)"
            if program.contains("/") {
                let file = absolute(program)
                let fault =
                    isMissing(file)
                    ? missing(program) : refusal(of: file).map { "which cannot be run: \($0)" }
                return fault.map { "\(looks), \($0)\(hint(program, path))" }
            }
            return
                "\(looks), which is in no folder of the script's PATH (\(path))\(hint(program, path))"
        }
    }

    /// Why the user cannot run a program; nil if he can.
    private func refusal(of program: FilePath) -> String? {
        if program.bytes.first == ASCII.slash, let fault = user.unreachable(program) {
            return fault
        }
        if let status = try? program.status() {
            if status.st_mode & S_IFMT == S_IFDIR { return "it is a folder" }
            if status.st_mode & 0o111 == 0 { return "no execute bit is set" }
        }
        return user.refusal(of: .run, program).map { "\($0)" }
    }

    // MARK: What it prints

    /// What a script that printed no header may need, which runs as `user`: to be read by its interpreter, line
    /// ends without CR for a shell and in line 1, or PHP that prints a header, which that for the command line does not.
    static func headerHint(_ file: FilePath, as user: FileAccess) -> String? {
        // A program need not be readable; but most that are not are scripts.
        guard let start = read(file, 4096) else {
            return user.may(.read, file) ? nil : unreadable(file, user)
        }
        guard let line = Shebang(start) else { return nil }
        if !user.may(.read, file) { return unreadable(file, user) }
        let words = line.words.prefix(2)
        let isCommandLine = words.contains { word in
            word.hasPrefix("php")
                && word.utf8.dropFirst(3).allSatisfy { ASCII.isDigit($0) || $0 == ASCII.dot }
        }
        if let spoilt = spoiltArgument(file, line) { return spoilt }
        if words.contains(where: { $0.hasSuffix("sh") }), start.contains(ASCII.cr) {
            return
                "lines of \(file) end in CR LF (Windows line ends), and the shell takes the CR for a part of each; \(lineEndCure(file))"
        }
        guard isCommandLine else { return nil }
        return
            "PHP prints a header by itself only as php-cgi: cgi_interpreter = .php /usr/bin/php-cgi, or #!/usr/bin/php-cgi in line 1"
    }

    private func find(_ program: String, _ path: String) -> String? {
        if program.contains("/") { return user.may(.run, absolute(program)) ? program : nil }
        return path.split(separator: ":").map { "\($0)/\(program)" }
            .first { user.may(.run, FilePath($0)) }
    }

    /// `; /usr/bin/python3 is there` where something of that kind is.
    private func hint(_ program: String, _ path: String) -> String {
        var base = program
        while let last = base.last, last.isNumber || last == "." { base.removeLast() }
        for candidate in [program, base, base + "3", base == "python" ? "python3" : base + "5"] {
            if !candidate.isEmpty, let found = find(candidate, path) { return "; \(found) is there" }
        }
        return ""
    }
}

extension [UInt8] {
    fileprivate func containsText(_ text: String) -> Bool {
        String(decoding: self, as: UTF8.self).contains(text)
    }
}

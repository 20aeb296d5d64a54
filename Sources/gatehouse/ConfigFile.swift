import Config
import Glibc

/// The configuration that a command works on.
enum ConfigFile {
    private static let places = ["etc/server.ini", "/etc/gatehouse/server.ini"]

    static let explanation = """
        FILE is the configuration; without -c it is etc/server.ini below the working folder, or else
        /etc/gatehouse/server.ini.
        """

    /// Reads the configuration; prints what is wrong with it and returns nil if anything is.
    static func load(_ arguments: inout Arguments) throws(UsageError) -> ServerConfig? {
        guard let path = try path(&arguments) else { return nil }
        do throws(ConfigProblems) {
            return try ConfigLoader.load(file: path, environment: environment)
        } catch {
            print(error)
            return nil
        }
    }

    /// Finds out the pid file of a running server; prints why where that cannot be and returns nil. What else
    /// is wrong with the configuration by now does not matter.
    static func pidFile(_ arguments: inout Arguments) throws(UsageError) -> String? {
        guard let path = try path(&arguments) else { return nil }
        do throws(ConfigProblems) {
            let config = try ConfigLoader.load(file: path, environment: environment)
            if let pidFile = config.server.pidFile { return pidFile }
        } catch {
            if let pidFile = error.pidFile { return pidFile }
            print(error)
        }
        Console.error("no pid_file in [server] of \(path) could be read, so the server cannot be found")
        return nil
    }

    /// The file that the arguments name, or the first of the usual ones that exists.
    private static func path(_ arguments: inout Arguments) throws(UsageError) -> String? {
        let named = try arguments.option("-c", "--config")
        try arguments.end(filesBehind: "-c")
        if let named { return named }
        if let path = places.first(where: { access($0, F_OK) == 0 }) { return path }
        Console.error(
            "no configuration: neither \(places.joined(separator: " nor ")) exists; name one with -c FILE, or serve a folder with `gatehouse serve`"
        )
        return nil
    }

    static func print(_ problems: ConfigProblems) {
        for problem in problems.list { Console.write("\(problem)", STDERR_FILENO) }
    }

    private static var environment: [String: String] {
        var result: [String: String] = [:]
        // The program has one thread when it reads its configuration, so nobody changes it meanwhile.
        var entry = unsafe environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                result[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            entry += 1
        }
        return result
    }
}

import Glibc

@testable import Config

/// A folder of files for one test, gone with it.
final class ScratchFolder {
    let path: String

    /// Begins with what configurations of tests name: `www`, `cgi-bin`, `logs` and a script.
    init() {
        var template = Array("/tmp/gatehouse-config-XXXXXX".utf8CString)
        template.withUnsafeMutableBufferPointer { _ = $0.baseAddress.flatMap { mkdtemp($0) } }
        path = String(decoding: template.dropLast().lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for folder in ["www", "cgi-bin", "logs", "etc", "my pages"] { makeFolder(folder) }
        write("cgi-bin/hello.cgi", "#!/bin/sh\n")
    }

    deinit { Self.removeAll(path) }

    private static func removeAll(_ path: String) {
        // A folder that is not empty stays; names with a dot in front are never made.
        if remove(path) == 0 { return }
        for child in (try? Paths.matching(path + "/*")) ?? [] { removeAll(child) }
        remove(path)
    }

    func makeFolder(_ name: String) { mkdir("\(path)/\(name)", 0o755) }

    func link(_ name: String, to target: String) { symlink(target, "\(path)/\(name)") }

    @discardableResult
    func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        defer { close(descriptor) }
        bytes.withUnsafeBytes { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
        return file
    }

    /// The configuration that `text` in `server.ini` makes, or the problems, each as `FILE:LINE: message`
    /// without this folder's path.
    func load(
        _ text: String, _ environment: [String: String] = [:], file: String = "server.ini"
    ) -> Result<ServerConfig, Problems> {
        load(Array(text.utf8), environment, file: file)
    }

    func load(
        _ bytes: [UInt8], _ environment: [String: String] = [:], file: String = "server.ini"
    ) -> Result<ServerConfig, Problems> {
        read(write(file, bytes), environment)
    }

    func read(_ file: String, _ environment: [String: String] = [:]) -> Result<ServerConfig, Problems> {
        do throws(ConfigProblems) {
            return .success(try ConfigLoader.load(file: file, environment: environment))
        } catch {
            return .failure(Problems(error.list.map { shortened($0.description) }))
        }
    }

    func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
        switch load(text, environment) {
        case .success: []
        case .failure(let problems): problems.list
        }
    }

    /// `text` with this folder's path left out.
    func shortened(_ text: String) -> String {
        var rest = text[...]
        var result = ""
        while let range = rest.firstRange(of: path + "/") {
            result += rest[..<range.lowerBound]
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}

struct Problems: Error, Equatable {
    let list: [String]
    init(_ list: [String]) { self.list = list }
}

extension Substring {
    /// Where `text` stands first.
    func firstRange(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

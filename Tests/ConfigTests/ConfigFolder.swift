import TestSupport

@testable import Config

/// A folder with a configuration and what configurations of tests name: `www`, `cgi-bin`, `logs` and a script.
struct ConfigFolder {
    private let folder: ScratchFolder
    var path: String { folder.path }

    init() throws {
        folder = try ScratchFolder()
        for name in ["www", "logs", "etc", "my pages"] { try folder.makeFolder(name) }
        try folder.write("cgi-bin/hello.cgi", "#!/bin/sh\n")
    }

    func makeFolder(_ name: String) throws { try folder.makeFolder(name) }

    func link(_ name: String, to target: String) throws { try folder.link(name, to: target) }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String { try folder.write(name, text) }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String { try folder.write(name, bytes) }

    /// The configuration that `text` in `server.ini` makes, or the problems, each as `FILE:LINE: message`
    /// without this folder's path.
    func load(
        _ text: String, _ environment: [String: String] = [:], file: String = "server.ini"
    ) throws -> Result<ServerConfig, Problems> {
        try load(Array(text.utf8), environment, file: file)
    }

    func load(
        _ bytes: [UInt8], _ environment: [String: String] = [:], file: String = "server.ini"
    ) throws -> Result<ServerConfig, Problems> {
        read(try write(file, bytes), environment)
    }

    func read(_ file: String, _ environment: [String: String] = [:]) -> Result<ServerConfig, Problems> {
        do throws(ConfigProblems) {
            return .success(try ConfigLoader.load(file: file, environment: environment))
        } catch {
            return .failure(Problems(error.list.map { shortened($0.description) }))
        }
    }

    func problems(_ text: String, _ environment: [String: String] = [:]) throws -> [String] {
        switch try load(text, environment) {
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

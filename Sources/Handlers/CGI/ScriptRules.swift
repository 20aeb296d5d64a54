package import Base
package import Config

/// What makes a file a script: its ending, or its being a default page of a script's name.
package struct ScriptRules: Sendable {
    private let extensions: [String]
    private let interpreters: [(suffix: String, program: FilePath)]
    /// `/index.cgi` and the like.
    private let indexScripts: [String]
    private let sources: [String]

    package init(_ settings: PartSettings) {
        extensions = settings.cgiExtensions
        interpreters = settings.cgiInterpreters.map { ($0.suffix, FilePath($0.program)) }
        sources = settings.scriptSources
        indexScripts = settings.index.filter { $0.hasSuffix(".cgi") }.map { "/" + $0 }
    }

    /// Whether a file among the pages that `path` ends with is run and never sent.
    package func isScript(_ path: [UInt8]) -> Bool {
        interpreter(for: path) != nil || extensions.contains { path.ends(with: $0) }
            || indexScripts.contains { path.ends(with: $0) }
    }

    /// Whether the file that `path` ends with looks like a script that nothing runs, and is not to be shown.
    func isSource(_ path: [UInt8]) -> Bool {
        sources.contains { path.suffix($0.utf8.count).lazy.map(ASCII.lower).elementsEqual($0.utf8) }
    }

    /// The program that runs the file which `path` ends with; nil where it runs itself.
    package func interpreter(for path: [UInt8]) -> FilePath? {
        interpreters.first { path.ends(with: $0.suffix) }?.program
    }

    /// Whether there may be scripts among the pages at all.
    package var areAny: Bool { !extensions.isEmpty || !interpreters.isEmpty || !indexScripts.isEmpty }
}

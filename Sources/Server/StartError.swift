package import Config

/// Why the server could not start, in words for the person who started it.
package struct StartError: Error, CustomStringConvertible {
    /// With the file and line of the setting in front, where one is to blame.
    package let description: String
    /// Somebody else listens on the address.
    package let isAddressTaken: Bool

    package init(_ message: String, at position: SourcePosition? = nil, isAddressTaken: Bool = false) {
        // What a command line says has no line.
        description = position.flatMap { $0.line > 0 ? "\($0): \(message)" : nil } ?? message
        self.isAddressTaken = isAddressTaken
    }

    /// The same, with the place of the setting in front.
    func at(_ position: SourcePosition?) -> StartError {
        StartError(description, at: position, isAddressTaken: isAddressTaken)
    }
}

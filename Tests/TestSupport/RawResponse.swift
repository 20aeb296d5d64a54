/// An HTTP response as it came over the wire.
package struct RawResponse: Sendable {
    /// How the end of the body was told.
    package enum Framing: Equatable, Sendable { case none, length, chunked, untilClose }

    package let version: String
    package let status: Int
    package let reason: String
    /// In the order they came, the names as they were spelled.
    package let fields: [(name: String, value: String)]
    package internal(set) var framing: Framing = .none
    package internal(set) var body: [UInt8] = []
    /// Sizes of the chunks in which the body came.
    package internal(set) var chunks: [Int] = []
    package internal(set) var trailers: [(name: String, value: String)] = []
    /// Responses with a status of 1xx that came before.
    package internal(set) var interim: [RawResponse] = []

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a field, whatever the case of its name; of several, the first.
    package subscript(name: String) -> String? { all(name).first }

    /// The values of all fields of that name, in order.
    package func all(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

extension RawResponse: CustomStringConvertible {
    package var description: String {
        let head = ["\(version) \(status) \(reason)"] + fields.map { "\($0.name): \($0.value)" }
        return (head + ["", "(\(body.count) bytes, \(framing)) \(text.prefix(500))"]).joined(separator: "\n")
    }
}

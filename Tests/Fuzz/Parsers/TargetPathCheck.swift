import Base
import Wire

/// A decoded path begins at the root, stays there, and is encoded and decoded to itself.
enum TargetPathCheck {
    static func check(_ input: [UInt8]) {
        if let text = TargetPath.decodeQuery(input.span) {
            precondition(text.count <= input.count, "a query's part does not grow")
        }
        guard let path = decode(input) else { return }
        precondition(path.first == ASCII.slash, "a path begins with a slash")
        precondition(!path.contains(0), "a path has no NUL")
        for segment in path.split(separator: ASCII.slash) {
            precondition(
                segment != [ASCII.dot] && segment != [ASCII.dot, ASCII.dot], "no dot segment is left")
        }
        var encoded: [UInt8] = []
        TargetPath.encode(path.span, into: &encoded)
        precondition(encoded.allSatisfy { $0 > ASCII.space && $0 < ASCII.delete }, "an encoded path is plain")
        precondition(decode(encoded) == path, "an encoded path is decoded to itself")
    }

    private static func decode(_ raw: [UInt8]) -> [UInt8]? {
        var path: [UInt8] = []
        do throws(TargetPath.Failure) { try TargetPath.decode(raw.span, into: &path) } catch { return nil }
        return path
    }
}

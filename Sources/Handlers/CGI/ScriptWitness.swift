package import Base
package import Net

/// Takes down what passes between the server and a script, for `gatehouse doctor`.
///
/// Belongs to the loop's thread until the loop has ended.
package final class ScriptWitness {
    package internal(set) var plan: SpawnPlan?
    package internal(set) var output = ByteBuffer()
    package internal(set) var errors = ByteBuffer()
    package internal(set) var exit: ExitStatus?
    package internal(set) var duration: TimeSpan?

    /// Bytes of each stream that are kept.
    private static let limit = 1 << 20

    package init() {}

    func took(output piece: Span<UInt8>) {
        output.append(piece.extracting(first: min(piece.count, max(0, ScriptWitness.limit - output.count))))
    }

    func took(errors piece: Span<UInt8>) {
        errors.append(piece.extracting(first: min(piece.count, max(0, ScriptWitness.limit - errors.count))))
    }
}

import Base
import Glibc

/// What a process writes into a pipe, collected by a thread.
package final class OutputCapture: Sendable {
    private struct State: Sendable {
        var bytes: [UInt8] = []
        /// Complete lines, without their ends.
        var lines: [String] = []
        var lineStart = 0
        var ended = false

        mutating func take(_ part: ArraySlice<UInt8>) {
            var searched = bytes.count
            bytes += part
            while let end = bytes[searched...].firstIndex(of: ASCII.lf) {
                lines.append(String(decoding: bytes[lineStart..<end], as: UTF8.self))
                lineStart = end + 1
                searched = end + 1
            }
        }
    }

    private let state = Monitor(State())

    init(reading pipe: consuming FileDescriptor) {
        let raw = pipe.release()
        // The thread holds the state and not the capture.
        startThread { [state] in
            let pipe = FileDescriptor(owning: raw)
            var part = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = read(pipe.raw, &part, part.count)
                if count > 0 {
                    state.update { $0.take(part[..<count]) }
                } else if count == 0 || Errno.current != .interrupted {
                    break
                }
            }
            state.update { $0.ended = true }
        }
    }

    package var bytes: [UInt8] { state.update { $0.bytes } }
    package var text: String { String(decoding: bytes, as: UTF8.self) }
    /// Complete lines, without their ends.
    package var lines: [String] { state.update { $0.lines } }

    /// Waits until `count` lines match, and returns these; fewer of them when the deadline or the end
    /// of the output comes first.
    package func waitForLines(
        _ count: Int = 1, until deadline: Deadline, where matches: (String) -> Bool
    ) -> [String] {
        var found: [String] = []
        var searched = 0
        _ = state.wait(until: deadline) { state -> Bool? in
            while searched < state.lines.count, found.count < count {
                if matches(state.lines[searched]) { found.append(state.lines[searched]) }
                searched += 1
            }
            return found.count >= count || state.ended ? true : nil
        }
        return found
    }

    /// Waits until nobody holds the writing end any more. False when somebody still did.
    package func waitForEnd(until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { $0.ended ? true : nil } ?? false
    }
}

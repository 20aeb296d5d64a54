package import Base
import CLinux
import Glibc

/// The process that has the right to become certain other users, which the server has given up: it makes
/// spawners for their scripts, and ends such scripts (`CLinux/keeper.c`).
package final class Keeper: Sendable {
    /// Whom it can become, by number.
    package let identities: [Identity]
    private let socket: FileDescriptor

    /// Somebody that it can become.
    package struct User: Sendable {
        package let keeper: Keeper
        package let number: Int32
        package let identity: Identity

        /// Sends a signal to a process, or by a negative number to a group, with the user's rights. False
        /// where the keeper cannot be asked.
        func signal(_ signal: CInt, _ process: Int32) -> Bool {
            gh_keeper_signal(keeper.socket.raw, number, process, signal) == 0
        }

        /// Looks for marked processes, in a process of the user's, which writes what `MarkedProcesses.look`
        /// finds into `answer`, a pipe that may be closed after it. False where the keeper cannot be asked.
        func look(_ searches: [gh_search], answer: borrowing FileDescriptor) -> Bool {
            gh_keeper_look(keeper.socket.raw, number, searches, searches.count, answer.raw) == 0
        }
    }

    /// Starts it. The process must have the rights still, and no other threads yet.
    ///
    /// `own`: whom the keeper is itself; nil as the server is now. `keepsBounds`: setuid programs that
    /// scripts start keep the rights that the file gives them.
    package init(identities: [Identity], own: Identity?, keepsBounds: Bool) throws(Errno) {
        self.identities = identities
        var files = ResourceLimit.originalOpenFiles?.raw ?? gh_limit(resource: -1, soft: 0, hard: 0)
        var socket: CInt = -1
        // Whom it is itself comes last, so that the others have their numbers.
        let table = Table(identities + [own].compactMap(\.self))
        let error = table.withRaw { raw in
            withUnsafePointer(to: &files) { files in
                var plan = gh_keeper_plan(
                    identities: raw.baseAddress, count: identities.count,
                    own: own == nil ? nil : raw.baseAddress.map { $0 + identities.count },
                    keeps_bounds: keepsBounds, files: files,
                    look: { searches, count, found in
                        let searches = UnsafeBufferPointer(start: searches, count: count)
                        for (index, isThere) in MarkedProcesses.look(Array(searches)).enumerated() {
                            found?[index] = isThere ? 1 : 0
                        }
                    })
                var pid: Int32 = 0
                return gh_keeper_start(&plan, &pid, &socket)
            }
        }
        if error != 0 { throw Errno(error) }
        self.socket = FileDescriptor(owning: socket)
    }

    package func user(_ identity: Identity) -> User? {
        identities.firstIndex(of: identity).map { User(keeper: self, number: Int32($0), identity: identity) }
    }

    /// One that has ended cannot be started again: the right to do that is gone.
    package var isThere: Bool { gh_helper_lives(socket.raw) }

    /// Has it make a spawner whose scripts all run as one of its users.
    func startSpawner() throws(Errno) -> Spawner {
        var spawner: CInt = -1
        var board: OpaquePointer?
        let error = gh_keeper_make_spawner(socket.raw, &spawner, &board)
        guard error == 0, let board else { throw Errno(error) }
        return Spawner(socket: spawner, board: board)
    }

    /// Identities as C reads them, with one array for all groups.
    private struct Table {
        let identities: [Identity]
        let groups: [gid_t]

        init(_ identities: [Identity]) {
            self.identities = identities
            groups = identities.flatMap(\.groups)
        }

        func withRaw<R>(_ body: (UnsafeBufferPointer<gh_identity>) -> R) -> R {
            groups.withUnsafeBufferPointer { groups in
                var start = 0
                let raw = identities.map { identity in
                    defer { start += identity.groups.count }
                    return gh_identity(
                        user: identity.user, group: identity.group,
                        groups: groups.baseAddress.map { $0 + start },
                        group_count: identity.groups.count)
                }
                return raw.withUnsafeBufferPointer(body)
            }
        }
    }
}

package import Base
import Config
import Glibc
import Net
import Passwords
import Wire

/// The users of one password file, as one loop checks them.
///
/// A password that was right is remembered for a while, as a salted digest, since a hash that is made to
/// take long must not be paid for each picture of a page. The file is looked at once a second, and read
/// again when it has changed; then nothing is remembered any more.
///
/// Belongs to the loop's thread.
package final class PasswordCheck {
    private let file: String
    private var loaded: Loaded?
    private var looked = Instant(nanoseconds: .min)
    private var remembered: [[UInt8]: Instant] = [:]
    private let salt: [UInt8]

    private static let memory = TimeSpan.seconds(60)
    private static let memoryLimit = 256

    private struct Loaded: Sendable {
        let version: FileState
        let users: PasswordFile
    }

    package init(file: String) {
        self.file = file
        var generator = SystemRandomNumberGenerator()
        salt = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Why the file cannot be read by the server as it runs; nil if it can. Reads it, so that the first
    /// request need not. Before the loop runs.
    package func load() -> Errno? {
        do throws(Errno) {
            loaded = try PasswordCheck.read(file)
            return nil
        } catch {
            return error
        }
    }

    private static func read(_ path: String) throws(Errno) -> Loaded {
        let file = try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK)
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw .invalid }
        let text = try file.contents(limit: PasswordFile.sizeLimit)
        return Loaded(version: FileState(status), users: PasswordFile(text.span))
    }

    // MARK: Checking

    enum Verdict { case good, wrong(isKnown: Bool), busy, unavailable }

    func check(_ credentials: BasicCredentials, for exchange: Exchange) async -> Verdict {
        let context = exchange.context
        await refresh(exchange)
        guard let current = loaded else { return .unavailable }
        let key = Digest.sha256(salt, credentials.user, [0], credentials.password)
        if let end = remembered[key], end > context.loop.now { return .good }
        let users = current.users
        let verdict = await context.passwordGate.run(on: context.pool, for: exchange.clientAddress) {
            users.check(credentials.user, credentials.password)
        }
        switch verdict {
        case nil: return .busy
        case .wrongPassword: return .wrong(isKnown: true)
        case .unknownUser: return .wrong(isKnown: false)
        case .good:
            // The file may have been read again meanwhile.
            if loaded?.version == current.version { remember(key, context.loop.now) }
            return .good
        }
    }

    private func remember(_ key: [UInt8], _ now: Instant) {
        if remembered.count >= PasswordCheck.memoryLimit {
            remembered = remembered.filter { $0.value > now }
            if remembered.count >= PasswordCheck.memoryLimit { remembered = [:] }
        }
        remembered[key] = now + PasswordCheck.memory
    }

    /// Reads the file again where it has changed. One that is gone or cannot be read lets nobody in.
    private func refresh(_ exchange: Exchange) async {
        let now = exchange.context.loop.now
        if now - looked < .seconds(1) { return }
        looked = now
        var status = stat()
        if stat(file, &status) == 0, let loaded, loaded.version == FileState(status) { return }
        let file = file
        let result: Result<Loaded, Errno> = await exchange.context.pool.run {
            do throws(Errno) { return .success(try PasswordCheck.read(file)) } catch {
                return .failure(error)
            }
        }
        remembered = [:]
        switch result {
        case .success(let new):
            loaded = new
            for problem in new.users.problems.prefix(5) {
                exchange.log(.warning, "\(file):\(problem.line): \(problem.message); the line is passed over")
            }
        case .failure(let error):
            loaded = nil
            exchange.log(.error, "cannot read the password file \(file): \(error)")
        }
    }
}

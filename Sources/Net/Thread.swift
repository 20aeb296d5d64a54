import CLinux
import Glibc

/// A thread of the system's, for loops and pools. It is never cancelled.
package struct Thread: ~Copyable, Sendable {
    private let handle: pthread_t

    /// Starts a thread that runs `body`. Ends the process where the system gives no thread, which
    /// happens at start only.
    package init(name: String, _ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let name: String
            let body: @Sendable () -> Void
            init(name: String, body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        var handle = pthread_t()
        let box = Unmanaged.passRetained(Box(name: name, body: body))
        let error = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                // Takes over the retain of passRetained above.
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                gh_name_thread(box.name)
                box.body()
                return nil
            }, box.toOpaque())
        precondition(error == 0, "the system has no thread left: \(error)")
        self.handle = handle
    }

    /// Waits until the thread's body has returned.
    package consuming func join() { pthread_join(handle, nil) }

    /// Lets the thread go on without anybody waiting for it.
    package consuming func detach() { pthread_detach(handle) }
}

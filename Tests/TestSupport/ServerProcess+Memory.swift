/// What `/proc/PID/status` says of the server's memory.
extension ServerProcess {
    /// Begins to measure anew, and returns the memory in use now, in bytes.
    package func resetPeakMemory() throws -> Int {
        let result = try runCommand(["sh", "-c", "echo 5 >/proc/\(pid)/clear_refs"])
        if result.status != 0 { throw TestFailure("the peak of memory cannot be reset: \(result.stderr)") }
        return try peakMemory()
    }

    /// The most memory that it had in use, in bytes.
    package func peakMemory() throws -> Int { try memory("VmHWM") }

    /// The memory that it has in use, in bytes.
    package func memoryInUse() throws -> Int { try memory("VmRSS") }

    private func memory(_ name: String) throws -> Int {
        let status = try readText("/proc/\(pid)/status")
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("\(name):") }),
            let kilobytes = Int(line.split(separator: " ").dropLast().last ?? "")
        else { throw TestFailure("no \(name) in \(status)") }
        return kilobytes * 1024
    }
}

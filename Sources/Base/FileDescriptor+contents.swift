import Glibc

/// What files hold, as arrays. Both wait for the disk: for start-up and threads of the pool, not for loops.
extension FileDescriptor {
    /// `count` bytes from `offset` on of the file that `raw` is open for; fewer only where it ends before.
    package static func bytes(of raw: CInt, at offset: Int = 0, count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { room, read in
            while read < count, let base = room.baseAddress {
                let more = pread(raw, base + read, count - read, offset + read)
                if more > 0 {
                    read += more
                    continue
                }
                if more == 0 { return }
                let error = Errno.current
                if error != .interrupted {
                    failure = error
                    return
                }
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// All bytes from here to the end, also of what has no offsets, such as a pipe. Throws EFBIG where there
    /// are more than `limit`.
    package borrowing func contents(limit: Int) throws(Errno) -> [UInt8] {
        let raw = self.raw
        var buffer = ByteBuffer()
        while buffer.count <= limit {
            let count = try buffer.fill(atLeast: 64 * 1024) { room throws(Errno) in
                while true {
                    let count = Glibc.read(raw, room.baseAddress, room.count)
                    if count >= 0 { return count }
                    let error = Errno.current
                    if error != .interrupted { throw error }
                }
            }
            if count == 0 { return buffer.bytes.array }
        }
        throw .fileTooLarge
    }
}

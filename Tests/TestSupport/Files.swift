package import Base
import Glibc

/// Names in a folder, without `.` and `..`, sorted.
package func listFolder(_ path: String) throws(Errno) -> [String] {
    guard let folder = opendir(path) else { throw .current }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// What a symbolic link says, nil where there is none.
package func readLink(_ path: String) -> String? {
    let text = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(PATH_MAX)) { buffer -> String? in
        guard let base = buffer.baseAddress else { return nil }
        let length = readlink(path, base, buffer.count)
        return length < 0 ? nil : String(decoding: buffer[..<length], as: UTF8.self)
    }
    return text
}

/// All bytes of a file, also of one in `/proc`, whose size nobody knows before.
package func readFile(_ path: String) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor.open(path, O_RDONLY)
    var buffer = ByteBuffer(capacity: 4096)
    while true {
        let count = try buffer.fill(atLeast: 4096) { room throws(Errno) -> Int in
            let count = read(file.raw, room.baseAddress, room.count)
            if count < 0 { throw .current }
            return count
        }
        if count == 0 { return buffer.bytes.array }
    }
}

package func readText(_ path: String) throws(Errno) -> String {
    String(decoding: try readFile(path), as: UTF8.self)
}

import Base
import Config

/// What the HTTP/1.x protocol needs to know of the configuration.
struct HTTP1Settings {
    var headerTimeout: TimeSpan
    var keepaliveTimeout: TimeSpan
    var bodyTimeout: TimeSpan
    var writeTimeout: TimeSpan
    var maxHeaderSize: Int
    /// The Server field as a line, or nothing.
    var serverLine: [UInt8]

    init(_ settings: ServerSettings) {
        headerTimeout = settings.headerTimeout
        keepaliveTimeout = settings.keepaliveTimeout
        bodyTimeout = settings.bodyTimeout
        writeTimeout = settings.writeTimeout
        maxHeaderSize = settings.maxHeaderSize
        serverLine =
            switch settings.serverHeader {
            case .full: Array("Server: gatehouse/\(gatehouseVersion)\r\n".utf8)
            case .name: Array("Server: gatehouse\r\n".utf8)
            case .off: []
            }
    }
}

import Base

/// A request's method (RFC 9110, section 9). Names are case-sensitive.
public enum Method: UInt8, Sendable {
    case get, head, post, put, delete, connect, options, trace, patch
    /// Any other token; the request line has its name.
    case other

    package init(_ name: Span<UInt8>) {
        // Nearly all are, and three comparisons are less than a call.
        if name.count == 3, name[0] == 0x47, name[1] == 0x45, name[2] == 0x54 {
            self = .get
            return
        }
        switch name.count {
        case 3: self = name.equals("PUT") ? .put : .other
        case 4: self = name.equals("HEAD") ? .head : name.equals("POST") ? .post : .other
        case 5: self = name.equals("PATCH") ? .patch : name.equals("TRACE") ? .trace : .other
        case 6: self = name.equals("DELETE") ? .delete : .other
        case 7: self = name.equals("OPTIONS") ? .options : name.equals("CONNECT") ? .connect : .other
        default: self = .other
        }
    }
}

package import Base

/// Finds the client of a request that a trusted proxy has passed on.
///
/// Each proxy adds at the end whom it has the request from. So the list is read from there, and as far as
/// those who wrote it are trusted: what stands further left anybody may have made up.
package enum Forwarding {
    /// What the fields of a request from the trusted `peer` say. X-Forwarded-For counts where there is
    /// one, and Forwarded (RFC 7239) otherwise: most proxies set the former alone, and pass on a Forwarded
    /// that a visitor has made up.
    ///
    /// The client is the last address of the list that is no trusted one; the first of all if they all are
    /// trusted. Where the list ends at something that is no address, it is the last one before.
    package static func client(
        _ head: RequestHead, _ bytes: Span<UInt8>, peer: IPAddress?, isTrusted: (IPAddress) -> Bool
    ) -> ForwardedClient {
        var client: ForwardedClient
        if head.has(.xForwardedFor) {
            client = walk(.xForwardedFor, head, bytes, peer, isTrusted)
            if head.has(.forwarded) {
                // One that names nobody leaves it at the peer.
                let other = walk(.forwarded, head, bytes, peer, isTrusted).address
                client.isDisputed = other != client.address && other != peer
            }
        } else {
            client = walk(.forwarded, head, bytes, peer, isTrusted)
        }
        if client.isSecure == nil { client.isSecure = scheme(head, bytes) }
        return client
    }

    /// Goes along the lines of one field, from the last.
    private static func walk(
        _ name: FieldName, _ head: RequestHead, _ bytes: Span<UInt8>, _ peer: IPAddress?,
        _ isTrusted: (IPAddress) -> Bool
    ) -> ForwardedClient {
        var client = ForwardedClient(address: peer)
        for field in head.fields.reversed() where field.id == name {
            let value = bytes.extracting(field.value.range)
            let goesOn =
                name == .forwarded
                ? walk(elements: value, &client, isTrusted) : walk(addresses: value, &client, isTrusted)
            if !goesOn { break }
        }
        return client
    }

    /// Goes along an X-Forwarded-For from its end. Whether to go on with the line before.
    private static func walk(
        addresses list: Span<UInt8>, _ client: inout ForwardedClient, _ isTrusted: (IPAddress) -> Bool
    ) -> Bool {
        var end = list.count
        while end > 0 {
            let member = lastMember(list, &end)
            if !member.isEmpty, !take(ForwardedHop(node: ForwardedNode(member)), &client, isTrusted) {
                return false
            }
        }
        return true
    }

    /// As above, for a Forwarded.
    private static func walk(
        elements list: Span<UInt8>, _ client: inout ForwardedClient, _ isTrusted: (IPAddress) -> Bool
    ) -> Bool {
        guard let hops = ForwardedHop.list(list) else { return false }
        return hops.reversed().allSatisfy { take($0, &client, isTrusted) }
    }

    /// Takes a step to the left. Whether there may be another.
    // Swift 6.3 fails to compile the one above with this inlined.
    @inline(never) private static func take(
        _ hop: ForwardedHop, _ client: inout ForwardedClient, _ isTrusted: (IPAddress) -> Bool
    ) -> Bool {
        // Told by one that is trusted, whatever it says of the address.
        if let isSecure = hop.isSecure { client.isSecure = isSecure }
        guard case .address(let address, let port) = hop.node else { return false }
        client.address = address
        client.port = port
        return isTrusted(address)
    }

    /// The last X-Forwarded-Proto, which the nearest proxy wrote.
    private static func scheme(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool? {
        guard let field = head.fields.last(where: { $0.id == .xForwardedProto }) else { return nil }
        var end = Int(field.value.count)
        return isSecure(lastMember(bytes.extracting(field.value.range), &end))
    }

    static func isSecure(_ scheme: Span<UInt8>) -> Bool? {
        if ASCII.equalsIgnoringCase(scheme, "https") || ASCII.equalsIgnoringCase(scheme, "wss") {
            return true
        }
        if ASCII.equalsIgnoringCase(scheme, "http") || ASCII.equalsIgnoringCase(scheme, "ws") { return false }
        return nil
    }

    /// The port in `host:port`, nil without one.
    package static func port(of authority: Span<UInt8>) -> Int? {
        var index = authority.count
        while index > 0, ASCII.isDigit(authority[index - 1]) { index -= 1 }
        guard index > 0, authority[index - 1] == ASCII.colon else { return nil }
        return portNumber(authority.extracting(index...)).map { Int($0) }
    }

    /// Up to five digits, nil for anything else.
    static func portNumber(_ digits: Span<UInt8>) -> UInt16? {
        guard (1...5).contains(digits.count) else { return nil }
        var number = 0
        for index in digits.indices {
            guard ASCII.isDigit(digits[index]) else { return nil }
            number = number * 10 + Int(digits[index] - ASCII.zero)
        }
        return UInt16(exactly: number)
    }

    /// The member before `end` of a list that knows no commas in quotes, without blanks and quotes round
    /// it. `end` moves to the comma before it, or to 0.
    @_lifetime(copy list)
    private static func lastMember(_ list: Span<UInt8>, _ end: inout Int) -> Span<UInt8> {
        var start = end
        while start > 0, list[start - 1] != ASCII.comma { start -= 1 }
        let member = list.extracting(start..<end).trimmingBlanks()
        end = max(start - 1, 0)
        let isQuoted =
            member.count >= 2 && member[0] == ASCII.quote && member[member.count - 1] == ASCII.quote
        return isQuoted ? member.extracting(1..<member.count - 1) : member
    }
}

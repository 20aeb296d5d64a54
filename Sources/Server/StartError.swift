/// Why the server could not start, in words for the person who started it.
package struct StartError: Error, CustomStringConvertible {
    package let description: String
    /// Somebody else listens on the address.
    package let isAddressTaken: Bool

    package init(_ description: String, isAddressTaken: Bool = false) {
        (self.description, self.isAddressTaken) = (description, isAddressTaken)
    }
}

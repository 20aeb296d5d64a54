import Base
import Testing

@testable import Handlers

@Suite struct CompressionRoomTests {
    /// Takes places for `codings`, holds them all, and says for which there was room.
    private func fits(_ codings: ArraySlice<ContentCoding>, _ room: CompressionRoom) -> [Bool] {
        guard let coding = codings.first else { return [] }
        let place = room.take(coding)
        let isTaken = place != nil
        let rest = fits(codings.dropFirst(), room)
        _ = consume place
        return [isTaken] + rest
    }

    @Test func `there is room for so many, and again when they have ended`() {
        let room = CompressionRoom(4 << 20)
        for _ in 0..<2 {
            // What is smaller still fits.
            let codings: [ContentCoding] = [.brotli, .zstandard, .brotli, .gzip]
            #expect(fits(codings[...], room) == [true, true, false, true])
        }
    }
}

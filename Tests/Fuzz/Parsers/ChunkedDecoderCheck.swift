import Base
import Wire

/// Content is decoded alike however it is cut and however little room there is for it.
enum ChunkedDecoderCheck {
    private struct Decoded: Equatable {
        var content: [UInt8]
        var used: Int
        var isDone: Bool
        var failure: ChunkedDecoder.Failure?
    }

    static func check(_ input: [UInt8]) {
        let whole = decode(input, stops: [], room: .max)
        precondition(whole.used <= input.count && whole.content.count <= whole.used, "no byte is made up")
        let place = cut(input)
        precondition(decode(input, stops: [place], room: .max) == whole, "two pieces are decoded otherwise")
        precondition(decode(input, stops: [], room: place % 7 + 1) == whole, "little room changes something")
        if input.count < 512 {
            let each = decode(input, stops: Array(0..<input.count), room: 1)
            precondition(each == whole, "single bytes are decoded otherwise")
        }
    }

    private static func decode(_ input: [UInt8], stops: [Int], room: Int) -> Decoded {
        var decoder = ChunkedDecoder()
        var output = ByteBuffer()
        var index = 0
        var failure: ChunkedDecoder.Failure?
        do throws(ChunkedDecoder.Failure) {
            for stop in stops + [input.count] {
                while index < stop, !decoder.isDone {
                    let before = output.count
                    let used = try decoder.decode(
                        input.span.extracting(index..<stop), into: &output, room: room)
                    precondition(output.count - before <= room, "no more than there is room for")
                    precondition(used > 0, "it goes on")
                    index += used
                }
            }
        } catch {
            failure = error
            // Where within a piece it fails is not told.
            index = output.count
        }
        return Decoded(
            content: output.bytes.array, used: index, isDone: decoder.isDone, failure: failure)
    }
}

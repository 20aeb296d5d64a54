/// Calls `body` with an object that something else is sure to keep meanwhile, without counting it.
///
/// The compiler counts each object that it cannot see kept, such as one that a property holds which could
/// change. On the path of a small request that adds up, to as much as reading its head takes.
@inlinable @inline(__always)
public func uncounted<Object: AnyObject, Value, Failure: Error>(
    _ reference: Unmanaged<Object>, _ body: (Object) throws(Failure) -> Value
) throws(Failure) -> Value {
    let result: Result<Value, Failure> = reference._withUnsafeGuaranteedRef { object in
        do throws(Failure) { return .success(try body(object)) } catch { return .failure(error) }
    }
    return try result.get()
}

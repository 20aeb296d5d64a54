-- wrk rounds what it prints ("1.23ms", "12.34k"); this gives the exact figures, once, at the end.
-- `done` alone costs nothing while the load runs: wrk calls Lua per request only for request/response.
function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      '\nRESULT {"requests": %d, "microseconds": %d, "bytes": %d, "errors": %d, "p50": %d, "p99": %d}\n',
      summary.requests, summary.duration, summary.bytes,
      e.connect + e.read + e.write + e.status + e.timeout,
      latency:percentile(50), latency:percentile(99)))
end

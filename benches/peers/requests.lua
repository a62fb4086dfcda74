-- For wrk: a token never sent before with each request.
-- PEERS_TOKENS: the file, a token a line. PEERS_PATH: the path. PEERS_FROM: the first line, from 0. PEERS_AUTHORIZATION, where it is
-- not empty, goes with each request instead of a token.
local from, count = tonumber(os.getenv("PEERS_FROM")), tonumber(os.getenv("PEERS_COUNT"))
local next, tokens = 0, {}
local path = os.getenv("PEERS_PATH")
local authorization = os.getenv("PEERS_AUTHORIZATION") or ""

init = function()
  local number = 0
  for line in io.lines(os.getenv("PEERS_TOKENS")) do
    if number >= from + count then break end
    if number >= from then tokens[#tokens + 1] = line end
    number = number + 1
  end
end

request = function()
  next = next + 1
  if next > #tokens then
    exhausted = true
    next = 1
  end
  local user = authorization ~= "" and "Authorization: " .. authorization or "X-Amzn-Oidc-Accesstoken: opaque\r\nX-Amzn-Oidc-Data: " .. tokens[next]
  return "GET " .. path .. " HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: wrk\r\nAccept: */*\r\n"
    .. "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n"
    .. "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678\r\n" .. user .. "\r\n\r\n"
end

local threads = {}
setup = function(thread) threads[#threads + 1] = thread end

done = function(summary, latency)
  local exhausted = false
  for _, thread in ipairs(threads) do exhausted = exhausted or thread:get("exhausted") == true end
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "failed": %d, "exhausted": %s, "seconds": %.3f, "p50_us": %d, "p99_us": %d}\n',
    summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    tostring(exhausted), summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end

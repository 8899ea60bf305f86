// Sliding counts in Redis, as sliding-count.ts has them in memory: what fell into each part of a window, a hash for each
// key. Own code, since kept limiters over Redis count in fixed windows, of which a burst over the boundary passes twice
// (rate-limiter-flexible), or keep each event apart, which costs memory for each; and none checks several limits in one
// step, so that a request that is refused counts in none.
import { type Script, script } from '../store/shared-store.ts'

/** Parts of a window: an event is counted for that much longer at the most. */
const PARTS = 256

/** The numbers that follow in ARGV for each key. */
export interface WindowCount {
  key: string
  limit: number
  /** What there is to be room for. */
  least: number
  /** Milliseconds. */
  window: number
  /** Below 0 takes back what was counted. */
  amount: number
  /** Milliseconds since it happened. */
  age: number
}

/** What there is of one key, after counting. */
export interface WindowState {
  /** Milliseconds until there is room again; 0 where there is. */
  wait: number
  sum: number
}

/**
 * Counts in several keys of one slot. `decide` counts in none of them where one has no room left, and counts now. Times
 * are those of Redis, so that the clocks of the filters do not matter. It forgets what has left the window in passing: at
 * most one look at each part, for all the events in it. Fields: the sum, from which part on it is, and each part by its
 * number.
 */
export const windowScript: Script = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local decide = ARGV[1] == 'decide'
local counts, reply, isOver = {}, {}, false

local function valuesOf(key, from, to)
  local fields = {}
  for part = from, to do fields[#fields + 1] = tostring(part) end
  return fields, redis.call('HMGET', key, unpack(fields))
end

for index, key in ipairs(KEYS) do
  local at = (index - 1) * 5 + 1
  local count = {
    limit = tonumber(ARGV[at + 1]), least = tonumber(ARGV[at + 2]), window = tonumber(ARGV[at + 3]),
    amount = tonumber(ARGV[at + 4]), age = tonumber(ARGV[at + 5]), wait = 0
  }
  counts[index] = count
  local length = count.window / ${PARTS}
  local first = math.floor((now - count.window) / length)
  count.part = math.floor((now - count.age) / length)
  local head = redis.call('HMGET', key, 'sum', 'from', tostring(count.part))
  count.sum, count.from, count.there = tonumber(head[1]) or 0, tonumber(head[2]), tonumber(head[3])
  count.first = first
  if count.from and count.from < first then
    if first - count.from > ${PARTS + 1} then
      redis.call('DEL', key)
      count.sum, count.from, count.there = 0, nil, nil
    else
      local fields, values = valuesOf(key, count.from, first - 1)
      local gone = {}
      for i, value in ipairs(values) do
        if value then
          gone[#gone + 1] = fields[i]
          count.sum = count.sum - tonumber(value)
        end
      end
      count.from = first
      if #gone > 0 then
        redis.call('HDEL', key, unpack(gone))
        redis.call('HSET', key, 'sum', tostring(count.sum), 'from', tostring(first))
      end
    end
  end
  local function waitFor(sum)
    local left = sum + count.least - count.limit
    if left <= 0 then return 0 end
    if count.from then
      local _, values = valuesOf(key, count.from, math.floor(now / length))
      for i, value in ipairs(values) do
        left = left - (tonumber(value) or 0)
        if left <= 0 then return math.ceil((count.from + i) * length + count.window - now) end
      end
    end
    return count.window
  end
  count.waitFor = waitFor
  if decide then
    count.wait = waitFor(count.sum)
    if count.wait > 0 then isOver = true end
  end
end

for index, key in ipairs(KEYS) do
  local count = counts[index]
  if not (decide and isOver) and count.part >= count.first then
    count.sum = count.sum + count.amount
    if not count.from or count.part < count.from then count.from = count.part end
    redis.call('HSET', key, 'sum', tostring(count.sum), 'from', tostring(count.from),
      tostring(count.part), tostring((count.there or 0) + count.amount))
    if not count.there then redis.call('PEXPIRE', key, math.ceil(count.window * ${1 + 2 / PARTS})) end
  end
  if not decide then count.wait = count.waitFor(count.sum) end
  reply[index * 2 - 1], reply[index * 2] = count.wait, math.floor(count.sum + 0.5)
end
return reply
`)

export function windowArguments(mode: 'decide' | 'count', counts: readonly WindowCount[]): string[] {
  const numbers = counts.flatMap(({ limit, least, window, amount, age }) => [
    limit,
    least,
    window,
    amount,
    age,
  ])
  return [mode, ...numbers.map(String)]
}

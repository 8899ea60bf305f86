// Sliding counts in Redis, as sliding-count.ts has them in memory: what fell into each part of a window, a hash for each
// key. Own code, since kept limiters over Redis count in fixed windows, of which a burst over the boundary passes twice
// (rate-limiter-flexible), or keep each event apart, which costs memory for each; and none checks several limits in one
// step, so that a request that is refused counts in none.
import { type Script, script } from '../store/shared-store.ts'

/** Parts of a window: an event is counted for that much longer at the most. */
const PARTS = 256

/** A key, and what is counted in it. */
export interface WindowCount {
  key: string
  limit: number
  /** Milliseconds. */
  window: number
  /** What there is to be room for; to decide, 1. */
  least: number
  /** Below 0 takes back what was counted; to decide, 1. */
  amount: number
  /** Milliseconds since it happened; to decide, 0. */
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
local isOver = false
local sums, froms, parts, there, waits, reply = {}, {}, {}, {}, {}, {}

local function valuesOf(key, from, to)
  local fields = {}
  for part = from, to do fields[#fields + 1] = part end
  return fields, redis.call('HMGET', key, unpack(fields))
end

-- Takes the parts before the first one of the window out of the sum.
local function forget(key, from, first, sum)
  if first - from > ${PARTS + 1} then
    redis.call('DEL', key)
    return 0
  end
  local fields, values = valuesOf(key, from, first - 1)
  local gone = {}
  for index, value in ipairs(values) do
    if value then
      gone[#gone + 1] = fields[index]
      sum = sum - tonumber(value)
    end
  end
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
    redis.call('HSET', key, 'sum', sum, 'from', first)
  end
  return sum
end

-- Milliseconds until so much has left the window.
local function waitFor(key, from, window, missing)
  if missing <= 0 then return 0 end
  if from then
    local length = window / ${PARTS}
    local _, values = valuesOf(key, from, math.floor(now / length))
    for index, value in ipairs(values) do
      if value then
        missing = missing - tonumber(value)
        if missing <= 0 then return math.ceil((from + index) * length + window - now) end
      end
    end
  end
  return window
end

local at, step = 1, decide and 2 or 5
for index, key in ipairs(KEYS) do
  local window, age = tonumber(ARGV[at + 2]), decide and 0 or ARGV[at + 5]
  local length = window / ${PARTS}
  local part = math.floor((now - age) / length)
  local head = redis.call('HMGET', key, 'sum', 'from', part)
  local sum, from, first = tonumber(head[1]) or 0, tonumber(head[2]), math.floor((now - window) / length)
  if from and from < first then
    sum = forget(key, from, first, sum)
    from = first
  end
  sums[index], froms[index], parts[index] = sum, from, part
  -- Before the window nothing is counted.
  there[index] = part >= first and (tonumber(head[3]) or 0)
  waits[index] = 0
  if decide then
    waits[index] = waitFor(key, from, window, sum + 1 - ARGV[at + 1])
    if waits[index] > 0 then isOver = true end
  end
  at = at + step
end

at = 1
for index, key in ipairs(KEYS) do
  local window, amount = tonumber(ARGV[at + 2]), decide and 1 or ARGV[at + 4]
  local sum, from, part = sums[index], froms[index], parts[index]
  if there[index] and not isOver then
    sum = sum + amount
    if not from or part < from then from = part end
    redis.call('HSET', key, 'sum', sum, 'from', from, part, there[index] + amount)
    if there[index] == 0 then redis.call('PEXPIRE', key, math.ceil(window * ${1 + 2 / PARTS})) end
  end
  if not decide then waits[index] = waitFor(key, from, window, sum + ARGV[at + 3] - ARGV[at + 1]) end
  reply[index * 2 - 1], reply[index * 2] = waits[index], math.floor(sum + 0.5)
  at = at + step
end
return reply
`)

/** ARGV: what to do, and then for each key its numbers; to decide, those of its limit alone. */
export function windowArguments(mode: 'decide' | 'count', counts: readonly WindowCount[]): string[] {
  const args: string[] = [mode]
  for (const { limit, window, least, amount, age } of counts) {
    args.push(String(limit), String(window))
    if (mode === 'count') args.push(String(least), String(amount), String(age))
  }
  return args
}

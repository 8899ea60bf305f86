// What judging costs as requests grow: the judge alone, so that no socket blurs it. A program of its own, so that it
// can run on each runtime, pinned to a core. Prints one line of JSON.
import { filterConfigSchema } from '../shared/config/filter.ts'
import { parseConfig } from '../shared/config/parse.ts'
import { createJudge } from '../worker/judge.ts'
import { type Request as BenchRequest, packedPush, pushOf, pushOfActions, pushOfMany } from './workloads.ts'

export interface Growth {
  /** What grows. */
  name: string
  unit: string
  points: { size: number; microseconds: number }[]
}

export interface Judging {
  growth: Growth[]
  /** Megabytes of JSON a second for a body of 500 kB, in turn: judged whole, and its bytes made JSON and no more. */
  large: { judged: number; parsed: number }[]
}

/** Milliseconds of CPU after which a figure is good enough; and the least number of repetitions. */
const ENOUGH = 60
const LEAST = 5

const ROUNDS = 7

const unlimited = {
  maxBodySize: 104_857_600,
  maxTransactionSize: 104_857_600,
  maxInflatedSize: 104_857_600,
  maxTransactions: 0,
}

function cpu(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Microseconds of CPU for one call: the median of several batches. */
async function cost(work: () => Promise<unknown> | unknown): Promise<number> {
  await work()
  const batches: number[] = []
  let spent = 0
  for (let size = 1; spent < ENOUGH * 1000 || batches.length < LEAST; ) {
    const before = cpu()
    for (let left = size; left > 0; left--) await work()
    const took = cpu() - before
    spent += took
    if (took < 2_000 && size < 65_536) size *= 2
    else batches.push(took / size)
    if (took > 500_000 && batches.length >= 3) break
  }
  return batches.toSorted((a, b) => a - b)[batches.length >> 1]!
}

/** Microseconds of CPU in which the filter judges a request, head and body. */
async function costOf({ method, path, body }: BenchRequest, rules: object = unlimited): Promise<number> {
  const parsed = parseConfig(filterConfigSchema, rules)
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
  const bytes = new TextEncoder().encode(body)
  const headers = ['content-type', 'application/json', 'content-length', String(bytes.length)]
  const judge = createJudge(parsed.config)
  const whole = () => judge.whole({ method, target: path, headers }, bytes)
  const { violation } = whole()
  if (violation) throw new Error(`not forwarded: ${JSON.stringify(violation)}`)
  return cost(whole)
}

async function growth(
  name: string,
  unit: string,
  sizes: number[],
  measure: (size: number) => Promise<number>,
): Promise<Growth> {
  const points = []
  for (const size of sizes) points.push({ size, microseconds: await measure(size) })
  return { name, unit, points }
}

const blacklist = (size: number) => {
  // Names of five letters, each another one.
  const name = (index: number) => `z${index.toString(5).replace(/\d/g, (digit) => 'abcde'[Number(digit)]!)}`
  return Object.fromEntries(Array.from({ length: size }, (_, index) => [name(index), true]))
}

const body = pushOf(499_000).body
const bytes = new TextEncoder().encode(body)
const decoder = new TextDecoder('utf-8', { fatal: true })
const megabytesPerSecond = (microseconds: number) => bytes.length / microseconds
const large: Judging['large'] = []
for (let round = 0; round <= ROUNDS; round++)
  large.push({
    parsed: megabytesPerSecond(await cost(() => JSON.parse(decoder.decode(bytes)))),
    judged: megabytesPerSecond(await costOf(packedPush(body))),
  })

const result: Judging = {
  // The first round is for the compiler.
  large: large.slice(1),
  growth: [
    await growth('body', 'bytes', [500, 2_000, 10_000, 50_000, 200_000, 500_000, 2_000_000], (size) =>
      costOf(pushOf(size)),
    ),
    await growth('actions', 'actions', [10, 100, 1_000, 10_000, 100_000], (size) =>
      costOf(pushOfActions(size)),
    ),
    await growth('transactions', 'transactions', [10, 100, 1_000, 10_000], (size) =>
      costOf(pushOfMany(size)),
    ),
    await growth('blacklist', 'entries', [10, 100, 1_000, 10_000, 100_000], (size) =>
      costOf(pushOf(500), { ...unlimited, contractBlackList: blacklist(size) }),
    ),
  ],
}
console.log(JSON.stringify(result))
process.exit()

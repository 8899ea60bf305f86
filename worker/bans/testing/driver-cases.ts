// What every driver of bans must do, as cases that run wherever its store is: in this process, in Deno, in workerd.
// Without vitest, which runs in none but the first.
import type { BanPolicy } from '../../../shared/config/filter.ts'
import type { BanDriver } from '../bans.ts'

export interface DriverCase {
  name: string
  /** Each case has a network of its own, so that one store serves all. Throws what is wrong. */
  run(driver: BanDriver): Promise<void>
}

const policy: BanPolicy = {
  findTime: 60,
  maxRetry: {
    malformed: 3,
    signatures: 3,
    contracts: 3,
    size: 3,
    batch: 3,
    endpoints: 0,
    reads: 3,
    failed: 2,
  },
  banTime: 60,
  maxBanTime: 3600,
}
const brief: BanPolicy = { ...policy, findTime: 1, banTime: 1 }

/** Milliseconds after which a second is over for every clock. */
const OVER_A_SECOND = 1_200

/** Milliseconds in which the list that is read often must show a change. */
const READ_LAG = 5_000

const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

function equal(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [found, expected].map((value) => JSON.stringify(value) ?? 'undefined')
  if (left !== right) throw new Error(`${what}: found ${left}, expected ${right}`)
}

const isListed = async (bans: Promise<{ network: string }[]>, network: string) =>
  (await bans).some((ban) => ban.network === network)

export const driverCases: readonly DriverCase[] = [
  {
    name: 'a ban begins with the strike that reaches maxRetry, and is told as begun once',
    run: async (driver) => {
      const network = '192.0.2.1'
      for (const expected of [false, false, true, false]) {
        const { ban, began } = await driver.strike(network, 'malformed', 1, policy)
        equal(began, expected, 'began')
        equal(ban?.network, expected || ban ? network : undefined, 'network')
      }
      const { ban } = await driver.strike(network, 'malformed', 1, policy)
      equal(ban?.times, 1, 'times')
      const seconds = (ban!.until - Date.now()) / 1000
      if (seconds < 50 || seconds > 61) throw new Error(`the ban ends in ${seconds} s; 60 were expected`)
    },
  },
  {
    name: 'several strikes at once count as so many, and an IPv6 network is one name',
    run: async (driver) => {
      const { began } = await driver.strike('2001:db8:0:0::/64', 'failed', 2, policy)
      equal(began, true, 'began')
    },
  },
  {
    name: 'classes are counted apart, and one of 0 never bans',
    run: async (driver) => {
      const network = '192.0.2.3'
      await driver.strike(network, 'malformed', 2, policy)
      equal((await driver.strike(network, 'size', 1, policy)).ban, undefined, 'ban')
      equal((await driver.strike(network, 'endpoints', 100, policy)).ban, undefined, 'ban')
      equal((await driver.strike(network, 'malformed', 1, policy)).began, true, 'began')
    },
  },
  {
    name: 'strikes that come at the same time are counted exactly',
    run: async (driver) => {
      const many: BanPolicy = { ...policy, maxRetry: { ...policy.maxRetry, malformed: 10 } }
      const strike = () => driver.strike('192.0.2.4', 'malformed', 1, many)
      const first = await Promise.all(Array.from({ length: 9 }, strike))
      equal(first.filter(({ ban }) => ban).length, 0, 'bans')
      const last = await Promise.all(Array.from({ length: 5 }, strike))
      equal(last.filter(({ began }) => began).length, 1, 'bans that began')
    },
  },
  {
    name: 'a ban is in the list at once, and soon in what is read often',
    run: async (driver) => {
      const network = '192.0.2.5'
      await driver.strike(network, 'malformed', 3, policy)
      equal(await isListed(driver.list(), network), true, 'listed')
      const deadline = Date.now() + READ_LAG
      while (!(await isListed(driver.read(), network)) && Date.now() < deadline) await sleep(100)
      equal(await isListed(driver.read(), network), true, 'read')
    },
  },
  {
    name: 'a lifted ban is gone with its strikes, and nothing is left to lift',
    run: async (driver) => {
      const network = '192.0.2.6'
      await driver.strike(network, 'malformed', 3, policy)
      equal(await driver.lift(network), true, 'lifted')
      equal(await driver.lift(network), false, 'lifted again')
      equal(await isListed(driver.list(), network), false, 'listed')
      equal((await driver.strike(network, 'malformed', 2, policy)).ban, undefined, 'ban')
    },
  },
  {
    name: 'strikes older than findTime do not count',
    run: async (driver) => {
      const network = '192.0.2.7'
      await driver.strike(network, 'malformed', 2, brief)
      await sleep(OVER_A_SECOND)
      equal((await driver.strike(network, 'malformed', 2, brief)).ban, undefined, 'ban')
    },
  },
  {
    name: 'a ban that has ended is not listed, and the next one lasts twice as long',
    run: async (driver) => {
      const network = '192.0.2.8'
      await driver.strike(network, 'malformed', 3, brief)
      await sleep(OVER_A_SECOND)
      equal(await isListed(driver.list(), network), false, 'listed')
      const { ban } = await driver.strike(network, 'malformed', 3, brief)
      equal(ban?.times, 2, 'times')
      const seconds = (ban!.until - Date.now()) / 1000
      if (seconds < 1 || seconds > 2.1) throw new Error(`the ban ends in ${seconds} s; 2 were expected`)
    },
  },
]

/** The names of all cases, each with what was wrong, or null. */
export async function runDriverCases(driver: BanDriver): Promise<Record<string, string | null>> {
  const results = driverCases.map(async ({ name, run }) => {
    const trouble = await run(driver).then(
      () => null,
      (error: Error) => error.message,
    )
    return [name, trouble] as const
  })
  return Object.fromEntries(await Promise.all(results))
}

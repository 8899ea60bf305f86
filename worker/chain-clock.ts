// How far this machine's clock is from the chain's, learned from the head blocks that nodes name: transactions expire by
// the chain's time. Pure: it is told times and asks for none.

export interface ChainClock {
  /** A node named its head block's time, and its answer came at this local time, both Unix time in milliseconds. */
  observe(headBlockTimeMs: number, localMs: number): void
  /** Milliseconds to add to local time to get the chain's; 0 until it is known. */
  offset(): number
  /** One sentence where the clock is off. */
  warning(): string | undefined
}

/** Milliseconds within which the clock is right: a block takes half a second, and its way through the network more. */
const RIGHT = 2_000
/** Milliseconds by which the lag of a chain that is live varies: now and then a producer misses blocks. */
const STEADY = 2_000
/** Milliseconds for which the lag must have been steady: a node that catches up at 1.07 of real time is not. */
const LONG_ENOUGH = 30_000
/** Milliseconds after which what was seen is forgotten. */
const RECENT = 120_000
/** Looks it takes at least, lest two answers a while apart look like a steady chain. */
const ENOUGH = 4

/** How far the head was behind the local clock, and when. */
interface Sight {
  head: number
  local: number
  lag: number
}

export function createChainClock(): ChainClock {
  let sights: Sight[] = []
  let offset = 0

  /** A head that is not newer says nothing: a node that stands still, or is behind the others. */
  const isNews = (head: number, local: number): boolean => {
    const last = sights.at(-1)
    // A local clock that was set, or a chain that was not heard of for long: what was seen is of no use.
    if (last && Math.abs(local - last.local) > RECENT) sights = []
    return sights.length === 0 || head > sights.at(-1)!.head
  }

  const learn = () => {
    if (sights.length < ENOUGH || sights.at(-1)!.local - sights[0]!.local < LONG_ENOUGH) return
    const least = Math.min(...sights.map(({ lag }) => lag))
    offset = Math.abs(least) <= RIGHT ? 0 : -least
  }

  return {
    observe: (head, local) => {
      if (!isNews(head, local)) return
      const sight = { head, local, lag: local - head }
      sights = sights.filter(({ local: seen }) => local - seen <= RECENT)
      // The head moves faster or slower than time: it is not live, or the local clock was set.
      if (sights.some(({ lag }) => Math.abs(lag - sight.lag) > STEADY)) sights = []
      sights.push(sight)
      learn()
    },
    offset: () => offset,
    warning: () => {
      if (offset === 0) return undefined
      const seconds = Math.round(Math.abs(offset) / 1000)
      const way = offset < 0 ? 'ahead of' : 'behind'
      return `this machine's clock is ${seconds} s ${way} the chain; transactions are judged by the chain's time`
    },
  }
}

// How many requests may be asked a second time: a share of all, so that retries cannot become a storm.

/** Milliseconds over which the share holds. */
const WINDOW = 10_000

/** The share of requests, and what is allowed beside it where there are few. */
const SHARE = 0.2
const LEAST = 10

export interface RetryBudget {
  /** Counts a request. */
  request(now: number): void
  hasLeft(now: number): boolean
  /** Takes one retry; false where none is left. */
  take(now: number): boolean
}

export function createRetryBudget(): RetryBudget {
  // This half of the window and the one before.
  let requests = 0
  let retries = 0
  let requestsBefore = 0
  let retriesBefore = 0
  let began = 0

  const advance = (now: number) => {
    const halves = Math.floor((now - began) / (WINDOW / 2))
    if (halves <= 0) return
    requestsBefore = halves === 1 ? requests : 0
    retriesBefore = halves === 1 ? retries : 0
    requests = 0
    retries = 0
    began = now - ((now - began) % (WINDOW / 2))
  }
  const hasLeft = (now: number) => {
    advance(now)
    return retries + retriesBefore < LEAST + SHARE * (requests + requestsBefore)
  }
  return {
    request: (now) => {
      advance(now)
      requests++
    },
    hasLeft,
    take: (now) => {
      if (!hasLeft(now)) return false
      retries++
      return true
    },
  }
}

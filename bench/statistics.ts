// Rounds -> one number and how far to trust it.

export interface Spread {
  median: number
  lowest: number
  highest: number
}

export function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, lowest: sorted[0]!, highest: sorted.at(-1)! }
}

/** `1.23 (1.10-1.31)` */
export function formatSpread({ median, lowest, highest }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${lowest.toFixed(digits)}-${highest.toFixed(digits)})`
}

/**
 * Where the median of what the values were drawn from is, with 95 %: between two of the values themselves, since whether
 * each is above or below it is a coin's toss. All of the values where there are fewer than six.
 */
export function medianInterval(values: number[]): [number, number] {
  const sorted = values.toSorted((a, b) => a - b)
  const count = sorted.length
  let left = 0
  let chance = 0.5 ** count
  for (let below = chance; below <= 0.025; below += chance) {
    left++
    chance *= (count - left + 1) / left
  }
  const from = Math.max(0, left - 1)
  return [sorted[from]!, sorted[count - 1 - from]!]
}

// How many requests filters have decided by their own counts, by what they say of it themselves: then limits hold for each
// of them, and not for all together.

/** Milliseconds between two looks, and some more for an answer. */
const LOOK = 2_000

export class Alone {
  readonly #urls: readonly string[]
  /** As last read, of each filter. */
  readonly #counted: number[]
  readonly #increases: { at: number; by: number }[] = []

  constructor(urls: readonly string[]) {
    this.#urls = urls
    this.#counted = urls.map(() => 0)
  }

  async look(): Promise<void> {
    await Promise.all(
      this.#urls.map(async (url, at) => {
        const counted = await countedAt(url)
        if (counted === undefined) return
        const before = this.#counted[at]!
        // A filter that was started anew begins with 0.
        const by = counted >= before ? counted - before : counted
        if (by > 0) this.#increases.push({ at: Date.now(), by })
        this.#counted[at] = counted
      }),
    )
  }

  get all(): number {
    return this.#increases.reduce((sum, { by }) => sum + by, 0)
  }

  /** Between two times, or a moment before or after them. */
  readonly between = (from: number, until: number): number =>
    this.#increases.filter(({ at }) => at >= from && at < until + LOOK).reduce((sum, { by }) => sum + by, 0)
}

/** Undefined where it does not say. */
async function countedAt(url: string): Promise<number | undefined> {
  try {
    const text = await (await fetch(url, { signal: AbortSignal.timeout(LOOK / 2) })).text()
    const counts = text.matchAll(/^patroneos_store_asked_total\{result="(?:late|errors|unasked)"\} (\d+)$/gm)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  } catch {
    return undefined
  }
}

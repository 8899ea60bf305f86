// Keys that are known to be over a limit, so that nobody is asked again for as long. Bounded: the oldest go.
import type { WindowState } from './window-script.ts'

export class KnownOver {
  readonly #maxKeys: number
  readonly #until = new Map<string, { until: number; sum: number }>()

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  get isEmpty(): boolean {
    return this.#until.size === 0
  }

  /** Undefined where it is not over, as far as is known. */
  of(id: string, now: number): WindowState | undefined {
    const over = this.#until.get(id)
    if (!over) return undefined
    if (over.until > now) return { wait: over.until - now, sum: over.sum }
    this.#until.delete(id)
    return undefined
  }

  note(id: string, { wait, sum }: WindowState): void {
    this.#until.delete(id)
    if (this.#until.size >= this.#maxKeys) this.#until.delete(this.#until.keys().next().value!)
    this.#until.set(id, { until: Date.now() + wait, sum })
  }

  forget(id: string): void {
    this.#until.delete(id)
  }
}

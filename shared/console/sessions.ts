// Who is signed in to the console: the token was given once, and from then on a cookie stands for it. Sessions live in
// memory, and end with the process.
import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

/** Milliseconds after the last request of a session at which it ends. */
const IDLE_TIME = 8 * 3_600_000

/** Sessions at one time; then the oldest ends. */
const MAX_SESSIONS = 100

/** Wrong tokens within a minute, of one address and of all: guessing is slow, and an operator may mistype. */
const WINDOW = 60_000
const MAX_WRONG = 5
const MAX_WRONG_IN_ALL = 50

/** Addresses that are remembered for wrong tokens. */
const MAX_ADDRESSES = 1_000

export class Sessions {
  readonly #cookie: string
  readonly #now: () => number
  /** By id; Unix time in milliseconds of the last request. */
  readonly #heardOf = new Map<string, number>()
  readonly #wrong = new Map<string, number[]>()

  /** `program` tells the cookies of filter and relay apart: a browser keeps them by host, whatever the port. */
  constructor(program: string, now: () => number = Date.now) {
    this.#cookie = `patroneos-${program}`
    this.#now = now
  }

  begin(c: Context): void {
    if (this.#heardOf.size >= MAX_SESSIONS) this.#heardOf.delete(this.#heardOf.keys().next().value!)
    const id = randomBytes(32).toString('base64url')
    this.#heardOf.set(id, this.#now())
    const secure = new URL(c.req.url).protocol === 'https:' || c.req.header('x-forwarded-proto') === 'https'
    setCookie(c, this.#cookie, id, { httpOnly: true, sameSite: 'Strict', path: '/patroneos', secure })
  }

  holds(c: Context): boolean {
    const id = getCookie(c, this.#cookie)
    if (id === undefined) return false
    const heardOf = this.#heardOf.get(id)
    if (heardOf === undefined) return false
    this.#heardOf.delete(id)
    if (heardOf + IDLE_TIME < this.#now()) return false
    this.#heardOf.set(id, this.#now())
    return true
  }

  end(c: Context): void {
    const id = getCookie(c, this.#cookie)
    if (id !== undefined) this.#heardOf.delete(id)
    deleteCookie(c, this.#cookie, { path: '/patroneos' })
  }

  /** Seconds for which an address may not try again; 0 where it may. */
  wait(address: string): number {
    const own = this.#recent(this.#wrong.get(address) ?? [])
    const all = this.#recent([...this.#wrong.values()].flat()).sort((a, b) => a - b)
    const until = Math.max(
      own.length >= MAX_WRONG ? own[own.length - MAX_WRONG]! + WINDOW : 0,
      all.length >= MAX_WRONG_IN_ALL ? all[all.length - MAX_WRONG_IN_ALL]! + WINDOW : 0,
    )
    return Math.max(0, Math.ceil((until - this.#now()) / 1000))
  }

  wrongToken(address: string): void {
    const times = [...this.#recent(this.#wrong.get(address) ?? []), this.#now()]
    this.#wrong.delete(address)
    if (this.#wrong.size >= MAX_ADDRESSES) this.#wrong.delete(this.#wrong.keys().next().value!)
    this.#wrong.set(address, times)
  }

  #recent(times: readonly number[]): number[] {
    return times.filter((time) => time > this.#now() - WINDOW)
  }
}

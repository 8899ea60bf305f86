// A node with some threads and a queue of its own, asked by ever-waiting clients up to a controller's limit: what the
// controller does with it, as a series over simulated time.
import type { Controller } from '../controller.ts'

export interface Phase {
  /** Seconds. */
  length: number
  threads: number
  /** Milliseconds that a request takes, on average. */
  service: number
  /** Requests that clients have under way or waiting at one time. */
  demand: number
}

export interface Point {
  /** Seconds. */
  at: number
  limit: number
  /** Milliseconds, the mean of the last tenth of a second. */
  latency: number
  /** Requests that wait outside. */
  waiting: number
  done: number
}

export interface Simulated {
  points: Point[]
  /** Requests a second of each phase, without its first `settling` seconds. */
  throughput(phase: number, settling: number): number
}

/** A generator of numbers from 0 to 1 that begins the same each time (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Running {
  arrived: number
  ends: number
  kind: string
}

/** `spread`: 0 has all requests alike, 1 spreads them as an exponential distribution does. */
export function simulate(controller: Controller, phases: Phase[], spread = 1, seed = 1): Simulated {
  const random = randomFrom(seed)
  const points: Point[] = []
  const ended: number[][] = []
  let now = 0
  let inNode: Running[] = []
  let freeAt: number[] = []
  let lastPoint = 0
  let sum = 0
  let count = 0
  // What requests take unhurried was seen before.
  for (let seen = 0; seen < 50; seen++)
    for (const [kind, times] of [
      ['scan', 3],
      ['read', 0.5],
    ] as const)
      controller.calm(
        kind,
        phases[0]!.service * times * (1 - spread + spread * -Math.log(1 - random())),
        0,
        false,
        0,
      )
  for (const { length, threads, service, demand } of phases) {
    const from = now
    const until = now + length * 1000
    const done: number[] = []
    ended.push(done)
    freeAt = Array.from({ length: threads }, (_, at) => Math.max(now, freeAt[at] ?? now))
    while (now < until) {
      while (inNode.length < Math.min(controller.limit, demand)) {
        const isScan = random() < 0.2
        const mean = service * (isScan ? 3 : 0.5)
        const took = mean * (1 - spread + spread * -Math.log(1 - random()))
        const thread = freeAt.indexOf(Math.min(...freeAt))
        const ends = Math.max(now, freeAt[thread]!) + took
        freeAt[thread] = ends
        inNode.push({ arrived: now, ends, kind: isScan ? 'scan' : 'read' })
      }
      const next = inNode.reduce((first, one) => (one.ends < first.ends ? one : first))
      inNode = inNode.filter((one) => one !== next)
      now = next.ends
      done.push((now - from) / 1000)
      sum += now - next.arrived
      count++
      const took = now - next.arrived
      if (demand > controller.limit) controller.pressed(next.kind, took, inNode.length, now)
      else controller.calm(next.kind, took, inNode.length, true, now)
      if (now - lastPoint < 100) continue
      const waiting = Math.max(0, demand - controller.limit)
      points.push({ at: now / 1000, limit: controller.limit, latency: sum / count, waiting, done: count })
      lastPoint = now
      sum = count = 0
    }
  }
  return {
    points,
    throughput: (phase, settling) =>
      ended[phase]!.filter((at) => at >= settling).length / (phases[phase]!.length - settling),
  }
}

// How far a long command is, on a terminal only.
import { bar } from './bars.ts'
import { grouped } from './table.ts'

/** Milliseconds between two looks. */
const INTERVAL = 100
const WIDTH = 24

export interface Progress {
  /** `done` and `total` are bytes; a total of 0 is not known. */
  at(done: number, total: number, lines: number): void
  end(): void
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { at: () => {}, end: () => {} }
  const began = Date.now()
  let last = 0
  return {
    at: (done, total, lines) => {
      const now = Date.now()
      if (now - last < INTERVAL) return
      last = now
      const rate = grouped(Math.round(lines / Math.max(0.001, (now - began) / 1000)))
      const share = total > 0 ? Math.min(1, done / total) : 0
      const shown =
        total > 0
          ? `${bar(share, 1, WIDTH).padEnd(WIDTH)} ${String(Math.floor(share * 100)).padStart(3)} %  `
          : ''
      stream.write(`\r\x1b[K${shown}${grouped(lines)} requests, ${rate} a second`)
    },
    end: () => void stream.write('\r\x1b[K'),
  }
}

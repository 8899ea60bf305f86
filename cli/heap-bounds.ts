// The bounds of a program's heap: the filter's as `npm start` gives them to Node. V8 reads them before any code runs. So a
// command that was started without them takes the place of its own process: process.execve keeps the process id, the
// standard streams and the environment, and costs the start of a Node.

/** Node's options; docker/bare-metal/patroneos-filter.service says what each is for. */
export const FILTER_HEAP = ['--max-old-space-size=160', '--max-semi-space-size=16']

/**
 * Of a long stream hardly anything lives on, yet V8 would give it 96 MB of young space and let three times as much garbage
 * pile up. The rest is for the counts of many limits.
 */
export const REPLAY_HEAP = ['--max-old-space-size=512', '--max-semi-space-size=2']

/** Bounds that the operator chose. */
const CHOSEN = /--max[-_](?:old[-_]space|semi[-_]space|heap)[-_]size/

/** Starts this program again with the bounds, and does not return then; where it has bounds, it returns. */
export function boundHeap(bounds: readonly string[]): void {
  const chosen = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((options) => CHOSEN.test(options))
  // Who started this process to exchange messages with it would lose the channel.
  if (chosen || process.channel || !process.execve || process.platform === 'win32') return
  const options = [...bounds, ...process.execArgv]
  process.execve(process.execPath, [process.execPath, ...options, ...process.argv.slice(1)], process.env)
}

// Draws what the controller of fair turns does with simulated nodes of 1, 4 and 16 threads whose load grows and that become
// ten times slower for a while: `node bench/controller.ts` writes docs/controller.svg and prints the throughput against the
// best fixed limit.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createController } from '../worker/fairness/controller.ts'
import { type Phase, type Point, simulate } from '../worker/fairness/testing/simulation.ts'

const FIXED = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 64]

interface Row {
  name: string
  of(point: Point): number
}

const rows: Row[] = [
  { name: 'requests in the node', of: ({ limit }) => limit },
  { name: 'milliseconds that one takes', of: ({ latency }) => latency },
  { name: 'requests that wait', of: ({ waiting }) => waiting },
]

const phasesFor = (threads: number): (Phase & { name: string })[] => {
  const calm = { name: 'steady', threads, service: 5, demand: 2 * threads + 20, length: 15 }
  return [
    calm,
    { ...calm, name: 'more load', demand: 400 },
    { ...calm, name: '10 x slower', demand: 400, service: 50, length: 25 },
    { ...calm, name: 'recovered', demand: 400 },
  ]
}

const WIDTH = 300
const HEIGHT = 120
const LEFT = 44
const TOP = 40

/** One plot: a line over time, on a logarithmic scale, with the phases marked. */
function panel(
  points: Point[],
  row: Row,
  phases: (Phase & { name: string })[],
  x: number,
  y: number,
): string {
  const values = points.map((point) => Math.max(1, row.of(point)))
  const top = Math.log10(Math.max(...values, 10))
  const length = phases.reduce((sum, phase) => sum + phase.length, 0)
  const xOf = (seconds: number) => x + LEFT + (seconds / length) * (WIDTH - LEFT - 8)
  const yOf = (value: number) => y + HEIGHT - 18 - (Math.log10(value) / top) * (HEIGHT - 34)
  const line = values
    .map((value, at) => `${xOf(points[at]!.at).toFixed(1)} ${yOf(value).toFixed(1)}`)
    .join('L')
  const parts: string[] = []
  for (let power = 0; power <= top; power++) {
    const height = yOf(10 ** power).toFixed(1)
    parts.push(
      `<path d="M${x + LEFT} ${height}H${x + WIDTH - 8}" stroke="#d0d7de"/>`,
      `<text x="${x + LEFT - 5}" y="${Number(height) + 4}" text-anchor="end" fill="#57606a">${10 ** power}</text>`,
    )
  }
  let from = 0
  for (const { name, length: seconds } of phases) {
    parts.push(
      `<path d="M${xOf(from).toFixed(1)} ${y + 14}V${y + HEIGHT - 18}" stroke="#8b949e" stroke-dasharray="2 3"/>`,
      `<text x="${(xOf(from) + 3).toFixed(1)}" y="${y + HEIGHT - 5}" fill="#57606a" font-size="9">${name}</text>`,
    )
    from += seconds
  }
  return `${parts.join('\n')}\n<path d="M${line}" fill="none" stroke="#0969da" stroke-width="1.3"/>`
}

const parts: string[] = []
for (const [column, threads] of [1, 4, 16].entries()) {
  const phases = phasesFor(threads)
  const { points, throughput } = simulate(createController('auto'), phases)
  // As many as can be seen.
  const shown = points.filter((_, at) => at % 3 === 0)
  parts.push(
    `<text x="${column * WIDTH + LEFT}" y="18" font-weight="bold">${threads} thread${threads > 1 ? 's' : ''}</text>`,
  )
  for (const [line, row] of rows.entries()) {
    const y = TOP + line * HEIGHT
    if (column === 0) parts.push(`<text x="${LEFT}" y="${y + 4}" fill="#57606a">${row.name}</text>`)
    parts.push(panel(shown, row, phases, column * WIDTH, y))
  }
  for (const [at, phase] of phases.entries()) {
    const best = Math.max(
      ...FIXED.map((limit) => simulate(createController(limit), [phase]).throughput(0, 5)),
    )
    const share = throughput(at, 5) / best
    const late = points.filter(({ at: seconds }) => seconds > 5 && seconds < 15).map(({ limit }) => limit)
    console.log(
      `${threads} threads, ${phase.name}: ${(100 * share).toFixed(0)} % of the best fixed limit's throughput` +
        (at === 0 ? `; limits ${Math.min(...late)} to ${Math.max(...late)}` : ''),
    )
  }
}
const height = TOP + rows.length * HEIGHT
writeFileSync(
  join(import.meta.dirname, '../docs/controller.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${3 * WIDTH} ${height}" font-family="sans-serif" font-size="11" role="img" aria-labelledby="title">
<title id="title">What the controller does with nodes of 1, 4 and 16 threads, over 70 seconds</title>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
</svg>
`,
)

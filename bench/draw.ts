// Results -> two SVGs for docs/performance.md: for every workload one bar a proxy, requests a second against HAProxy; and
// how the cost of judging grows.
import type { JudgingOn } from './parts.ts'
import type { Result } from './throughput.ts'

const WIDTH = 760
const LABELS = 190
const BAR = 14
const COLORS = [
  '#8b949e',
  '#c9510c',
  '#1a7f37',
  '#0969da',
  '#8250df',
  '#bf3989',
  '#9a6700',
  '#1b7c83',
  '#e0823d',
]

export function drawBench(results: Result[]): string {
  const shown = results.filter(({ proxy }) => proxy !== 'no proxy')
  const proxies = [...new Set(shown.map(({ proxy }) => proxy))]
  const workloads = [...new Set(shown.map(({ workload }) => workload))]
  const longest = Math.max(...shown.map(({ ratio }) => ratio.highest), 1)
  const scale = (ratio: number) => (ratio / longest) * (WIDTH - LABELS - 60)
  const parts: string[] = []
  let y = 14 + Math.ceil(proxies.length / 3) * 18
  proxies.forEach((proxy, index) => {
    const x = 10 + (index % 3) * 245
    const line = 14 + Math.floor(index / 3) * 18
    parts.push(`<rect x="${x}" y="${line}" width="10" height="10" fill="${COLORS[index % COLORS.length]}"/>`)
    parts.push(`<text x="${x + 15}" y="${line + 9}">${escapeText(proxy)}</text>`)
  })
  for (const workload of workloads) {
    const bars = shown.filter((result) => result.workload === workload)
    parts.push(
      `<text x="${LABELS - 10}" y="${y + (bars.length * BAR) / 2 + 7}" text-anchor="end">${escapeText(workload)}</text>`,
    )
    for (const { proxy, ratio } of bars) {
      y += BAR
      const color = COLORS[proxies.indexOf(proxy) % COLORS.length]
      parts.push(
        `<rect x="${LABELS}" y="${y - BAR + 2}" width="${scale(ratio.median).toFixed(1)}" height="${BAR - 3}" fill="${color}"/>`,
      )
      const [from, to, middle] = [scale(ratio.lowest), scale(ratio.highest), y - BAR / 2 + 0.5]
      parts.push(
        `<path d="M${(LABELS + from).toFixed(1)} ${middle}H${(LABELS + to).toFixed(1)}" stroke="#000" stroke-opacity=".45"/>`,
      )
      parts.push(
        `<text x="${(LABELS + to + 6).toFixed(1)}" y="${y - 2}" font-size="10">${ratio.median.toFixed(2)}</text>`,
      )
    }
    y += 10
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 24}" font-family="sans-serif" font-size="12" role="img" aria-labelledby="title">
<title id="title">Requests a second of each proxy against HAProxy</title>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
<text x="10" y="${y + 12}" font-size="11" fill="#57606a">requests a second on one core against HAProxy passing the same through; line: lowest and highest round</text>
</svg>
`
}

const PANEL = { width: 350, height: 210, left: 50, top: 28, right: 14, bottom: 34 }

/** One panel for each thing that grows, both axes logarithmic, a line a runtime. */
export function drawGrowth(judging: JudgingOn[]): string {
  const names = judging[0]?.growth.map(({ name }) => name) ?? []
  const panels = names.map((name, index) => {
    const lines = judging.map(({ growth }) => growth.find((one) => one.name === name)!)
    const points = lines.flatMap((line) => line.points)
    const x = scaleOf(
      points.map(({ size }) => size),
      PANEL.left,
      PANEL.width - PANEL.right,
    )
    const y = scaleOf(
      points.map(({ microseconds }) => microseconds),
      PANEL.height - PANEL.bottom,
      PANEL.top,
    )
    const drawn = lines.map(
      (line, at) =>
        `<polyline fill="none" stroke="${COLORS[at + 2]}" stroke-width="2" points="${line.points
          .map(({ size, microseconds }) => `${x.at(size)},${y.at(microseconds)}`)
          .join(' ')}"/>`,
    )
    const ticks = [
      ...x.ticks.map(
        (value) =>
          `<text x="${x.at(value)}" y="${PANEL.height - 18}" text-anchor="middle" font-size="10">${short(value)}</text>`,
      ),
      ...y.ticks.map(
        (value) =>
          `<text x="${PANEL.left - 6}" y="${y.at(value)}" text-anchor="end" font-size="10">${short(value)}</text><path d="M${PANEL.left} ${y.at(value)}H${PANEL.width - PANEL.right}" stroke="#d0d7de"/>`,
      ),
    ]
    const [left, top] = [(index % 2) * PANEL.width, 26 + Math.floor(index / 2) * PANEL.height]
    return `<g transform="translate(${left} ${top})"><text x="${PANEL.left}" y="16">us by ${escapeText(lines[0]!.unit)}: ${escapeText(name)}</text>${ticks.join('')}${drawn.join('')}</g>`
  })
  const legend = judging.map(
    ({ proxy }, at) =>
      `<rect x="${10 + at * 200}" y="8" width="10" height="10" fill="${COLORS[at + 2]}"/><text x="${25 + at * 200}" y="17">${escapeText(proxy)}</text>`,
  )
  const height = 30 + Math.ceil(names.length / 2) * PANEL.height
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${PANEL.width * 2} ${height}" font-family="sans-serif" font-size="12" role="img" aria-labelledby="title">
<title id="title">CPU time of judging a request as it grows</title>
<rect width="100%" height="100%" fill="#fff"/>
${[...legend, ...panels].join('\n')}
</svg>
`
}

/** A logarithmic scale over values, and the powers of ten on it. */
function scaleOf(values: number[], from: number, to: number) {
  const [lowest, highest] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))]
  const span = Math.max(highest - lowest, 1)
  const at = (value: number) => Math.round(from + ((Math.log10(value) - lowest) / span) * (to - from))
  const ticks = []
  for (let power = Math.ceil(lowest); power <= lowest + span; power++) ticks.push(10 ** power)
  return { at, ticks }
}

function short(value: number): string {
  return value >= 1e6 ? `${value / 1e6} M` : value >= 1e3 ? `${value / 1e3} k` : String(value)
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

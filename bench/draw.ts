// Results -> an SVG for the README: for every workload one bar a proxy, requests a second against HAProxy.
import type { Result } from './run.ts'

const WIDTH = 760
const LABELS = 190
const BAR = 14
const COLORS = ['#8b949e', '#c9510c', '#1a7f37', '#0969da', '#8250df', '#bf3989']

export function drawBench(results: Result[]): string {
  const shown = results.filter(({ proxy }) => proxy !== 'no proxy')
  const proxies = [...new Set(shown.map(({ proxy }) => proxy))]
  const workloads = [...new Set(shown.map(({ workload }) => workload))]
  const longest = Math.max(...shown.map(({ ratio }) => ratio.highest), 1)
  const scale = (ratio: number) => (ratio / longest) * (WIDTH - LABELS - 60)
  const parts: string[] = []
  let y = 50
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
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 24}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
<text x="${LABELS}" y="${y + 12}" font-size="11" fill="#57606a">requests a second on one core against HAProxy passing the same through; line: lowest and highest round</text>
</svg>
`
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

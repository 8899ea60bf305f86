// The picture of a soak: answers and failures a second, how long answers took, and what was broken when.
import type { Sent } from './load.ts'

export interface Band {
  name: string
  began: number
  ended: number
}

const WIDTH = 900
const LEFT = 50
const ROW = 110
const TOP = 20

export function drawSoak(sent: readonly Sent[], bands: readonly Band[]): string {
  const start = sent.reduce((first, { began }) => Math.min(first, began), Number.POSITIVE_INFINITY)
  const end = sent.reduce((last, { ended }) => Math.max(last, ended), start)
  const seconds = Math.ceil((end - start) / 1000)
  const step = Math.max(1, Math.ceil(seconds / 400))
  const buckets = Array.from({ length: Math.ceil(seconds / step) + 1 }, () => ({
    ok: 0,
    failed: 0,
    times: [0],
  }))
  for (const { ended, began, status } of sent) {
    const bucket = buckets[Math.floor((ended - start) / 1000 / step)]!
    if (isFailure(status)) bucket.failed++
    else bucket.ok++
    bucket.times.push(ended - began)
  }
  const xOf = (second: number) => LEFT + (second / seconds) * (WIDTH - LEFT - 10)
  const series: [string, string, number[]][] = [
    ['answers a second', '#1a7f37', buckets.map(({ ok }) => ok / step)],
    ['failed requests a second', '#cf222e', buckets.map(({ failed }) => failed / step)],
    [
      '99th percentile, seconds',
      '#0969da',
      buckets.map(({ times }) => times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)]! / 1000),
    ],
  ]
  const parts: string[] = []
  const bottom = TOP + series.length * ROW
  for (const [at, { began, ended, name }] of bands.entries()) {
    const x = xOf((began - start) / 1000)
    const width = Math.max(1, xOf((ended - start) / 1000) - x)
    parts.push(
      `<rect x="${x.toFixed(1)}" y="${TOP}" width="${width.toFixed(1)}" height="${bottom - TOP}" fill="#d4a72c" fill-opacity=".18"/>`,
      `<text x="${x.toFixed(1)}" y="${TOP - 6}" font-size="10" fill="#57606a"><title>${name}</title>${at + 1}</text>`,
    )
  }
  for (const [line, [name, color, values]] of series.entries()) {
    const base = TOP + (line + 1) * ROW - 10
    const top = Math.max(...values, 1)
    const points = values.map(
      (value, at) => `${xOf(at * step).toFixed(1)} ${(base - (value / top) * (ROW - 34)).toFixed(1)}`,
    )
    parts.push(
      `<text x="${LEFT}" y="${base - ROW + 26}" fill="#57606a">${name}</text>`,
      `<text x="${LEFT - 6}" y="${base - ROW + 38}" text-anchor="end" fill="#57606a">${top.toFixed(top < 10 ? 1 : 0)}</text>`,
      `<text x="${LEFT - 6}" y="${base}" text-anchor="end" fill="#57606a">0</text>`,
      `<path d="M${LEFT} ${base}H${WIDTH - 10}" stroke="#d0d7de"/>`,
      `<path d="M${points.join('L')}" fill="none" stroke="${color}"/>`,
    )
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 18}" font-family="sans-serif" font-size="11" role="img" aria-labelledby="title">
<title id="title">Requests over ${seconds} seconds while parts are broken in turn</title>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join('\n')}
<text x="${LEFT}" y="${bottom + 10}" fill="#57606a">${seconds} seconds; what is broken in each numbered band is in the table</text>
</svg>
`
}

export const isFailure = (status: number): boolean => status === 0 || status >= 500

// Plots of the last hour as SVG: what is drawn has no scripts, and text stands beside it as HTML, so that it is not
// stretched.
import { clock, number, seconds } from './format.ts'
import { growth, HISTORY, type History, type Mark } from './history.ts'
import { type Html, html } from './html.ts'

export interface Series {
  /** In the history. */
  name: string
  label: string
  /** A counter is drawn as its growth a second, a gauge as it is. */
  kind: 'counter' | 'gauge'
  /** What the values are multiplied by. */
  factor?: number
}

export interface PlotDescription {
  title: string
  /** Behind each number, as in "requests/s". */
  unit: string
  /** Drawn on top of each other, the first at the bottom. */
  series: readonly Series[]
}

const WIDTH = 720
const HEIGHT = 140
/** Each is the mean of its part of the time. */
const COLUMNS = 240

/** Milliseconds that are drawn while there is no more to draw. */
const SHORT_RANGE = 600_000

/** Values by column; undefined where there was no process. */
type Columns = (number | undefined)[]

interface Range {
  /** Unix time in milliseconds. */
  from: number
  /** Milliseconds. */
  range: number
}

function rangeOf({ samples }: History, now: number): Range {
  const age = now - (samples[0]?.at ?? now)
  const range = age < SHORT_RANGE ? SHORT_RANGE : HISTORY
  return { from: now - range, range }
}

function columnsOf(
  { samples }: History,
  { name, kind, factor = 1 }: Series,
  { from, range }: Range,
): Columns {
  const sums = Array.from({ length: COLUMNS }, () => ({ sum: 0, count: 0 }))
  for (let at = 1; at < samples.length; at++) {
    const [before, after] = [samples[at - 1]!, samples[at]!]
    const column = sums[Math.floor(((after.at - from) / range) * COLUMNS)]
    if (!column) continue
    column.sum += factor * (kind === 'counter' ? growth(before, after, name) : (after.values[name] ?? 0))
    column.count++
  }
  return sums.map(({ sum, count }) => (count > 0 ? sum / count : undefined))
}

/** The least of 1, 2, 5, 10, 20, ... that holds a value. */
function ceilingOf(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)))
  const ceiling = [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value
  return Math.max(1, ceiling)
}

export function plot(history: History, { title, unit, series }: PlotDescription, now: number): Html {
  const span = rangeOf(history, now)
  const { from, range } = span
  const stacked: number[][] = []
  const known = columnsOf(history, series[0]!, span).map((value) => value !== undefined)
  for (const one of series) {
    const below = stacked.at(-1)
    stacked.push(columnsOf(history, one, span).map((value, column) => (value ?? 0) + (below?.[column] ?? 0)))
  }
  const whole = stacked.at(-1)!
  const most = Math.max(...whole)
  const last = history.samples.length > 1 ? series.map((one) => latest(history, one)) : series.map(() => 0)
  const top = ceilingOf(most)
  const y = (value: number) => (HEIGHT - (value / top) * HEIGHT).toFixed(1)
  const total = last.reduce((sum, value) => sum + value, 0)
  const summary = `${title}: now ${number(total)} ${unit}, at most ${number(most)} ${unit} in the last ${seconds(range / 1000)}`
  return html`<figure class="plot">
    <figcaption><strong>${title}</strong> <span class="soft">now ${number(total)} ${unit}, at most ${number(most)}</span></figcaption>
    <div class="canvas">
      <span class="top" aria-hidden="true">${number(top)}</span>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${summary}">
        <line class="grid" x1="0" x2="${WIDTH}" y1="${HEIGHT / 2}" y2="${HEIGHT / 2}" />
        ${stacked.map((upper, index) => area(known, upper, stacked[index - 1], index, y))}
        ${history.marks.filter(({ at }) => at > from).map((mark) => markLine(mark, span))}
      </svg>
    </div>
    <div class="times" aria-hidden="true"><span>${clock(from).slice(0, 5)}</span><span>−${seconds(range / 2000)}</span><span>now</span></div>
    <ul class="legend">${series.map(
      (one, index) =>
        html`<li><i class="swatch s${index}"></i>${one.label} <b>${number(last[index]!)}</b> ${unit}</li>`,
    )}</ul>
  </figure>`
}

/** Of the last ten seconds. */
function latest(history: History, { name, kind, factor = 1 }: Series): number {
  const value = kind === 'counter' ? history.rate(name) : (history.samples.at(-1)?.values[name] ?? 0)
  return factor * value
}

/** The part between two curves, in pieces where nothing was measured between. */
function area(
  known: boolean[],
  upper: number[],
  lower: number[] | undefined,
  index: number,
  y: (value: number) => string,
): Html {
  const step = WIDTH / COLUMNS
  const pieces: string[] = []
  for (let start = known.indexOf(true); start >= 0; ) {
    let end = known.indexOf(false, start)
    if (end < 0) end = COLUMNS
    const columns = Array.from({ length: end - start }, (_, at) => start + at)
    const over = columns.map(
      (column) => `${(column * step).toFixed(1)} ${y(upper[column]!)}H${((column + 1) * step).toFixed(1)}`,
    )
    const under = columns
      .toReversed()
      .map(
        (column) =>
          `${((column + 1) * step).toFixed(1)} ${y(lower?.[column] ?? 0)}H${(column * step).toFixed(1)}`,
      )
    pieces.push(`M${over.join('L')}L${under.join('L')}Z`)
    start = known.indexOf(true, end)
  }
  return html`<path class="s${index}" d="${pieces.join('')}" />`
}

function markLine({ at, kind, text }: Mark, { from, range }: Range): Html {
  const x = (((at - from) / range) * WIDTH).toFixed(1)
  return html`<line class="mark ${kind}" x1="${x}" x2="${x}" y1="0" y2="${HEIGHT}"><title>${clock(at)} ${text}</title></line>`
}

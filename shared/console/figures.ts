// What the first screen of filter and relay shows: key figures, and what changed lately.
import { clock, seconds } from './format.ts'
import type { History } from './history.ts'
import { type Html, html } from './html.ts'

/** One of a list of figures; `tone` is warn or bad where it wants to be seen. */
export const figure = (name: string, value: string, unit: string, tone = ''): Html =>
  html`<div class="${tone}"><dt>${name}</dt><dd><b>${value}</b> ${unit}</dd></div>`

/** Marks that are listed. */
const MAX_MARKS = 8

export function marksList({ marks }: History, now: number): Html {
  const newest = marks.slice(-MAX_MARKS).toReversed()
  return html`<ul class="marks">${newest.map(
    ({ at, kind, text }) =>
      html`<li><i class="swatch mark ${kind}"></i><time>${clock(at)}</time> ${text} <small>${seconds((now - at) / 1000)} ago</small></li>`,
  )}</ul>`
}

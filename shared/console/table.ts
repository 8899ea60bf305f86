// A table that scrolls sideways by itself where it is too wide.
import { type Html, html } from './html.ts'

/** The head of a column of buttons. */
export const actionHead = html`<span class="hidden">Action</span>`

/** `empty` stands in the place of a table without rows. */
export function table(
  label: string,
  heads: readonly (string | Html)[],
  rows: readonly Html[],
  empty: string,
): Html {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table></div>`
}

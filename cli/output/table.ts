// Rows as columns of text.

export type Align = 'left' | 'right'

/** Lines of a table; the last column is not padded. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        align[column] === 'right' ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd()
  return all.map(line)
}

/** 1,234,567 */
export const grouped = (count: number) => count.toLocaleString('en-US')

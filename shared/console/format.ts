// Numbers, times and durations as people read them, with their units.

const plain = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 1,234; with one digit after the point below ten, unless it is whole: 3.2. */
export function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 10) return plain.format(value)
  return value.toFixed(Math.abs(value) < 0.1 ? 2 : 1)
}

export const percent = (share: number) =>
  share > 0 && share < 0.01 ? '< 1 %' : `${Math.round(share * 100)} %`

/** 12 ms, 1.4 s, 3 min. */
export function milliseconds(value: number): string {
  if (value < 1_000) return `${number(value)} ms`
  return value < 60_000 ? `${number(value / 1_000)} s` : seconds(value / 1_000)
}

/** 45 s, 12 min 5 s, 3 h 5 min, 2 d 4 h: two units at the most, and none of nothing. */
export function seconds(value: number): string {
  const whole = Math.round(value)
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0 s'
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** 14:03:27 in UTC, as in the log. */
export const clock = (at: number) => new Date(at).toISOString().slice(11, 19)

/** One thing or several: 1 node, 2 nodes. */
export const counted = (count: number, one: string, several = `${one}s`) =>
  `${number(count)} ${count === 1 ? one : several}`

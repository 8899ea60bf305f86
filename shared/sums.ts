// Sums of what several processes counted: plain data of the same shape, whose numbers are added wherever they stand.

export type Summable = number | readonly Summable[] | { readonly [name: string]: Summable }

/** A member that one side lacks is the other's. Throws an Error where the shapes differ. */
export function sumOfTwo<T>(a: T, b: T): T
export function sumOfTwo(a: Summable | undefined, b: Summable | undefined): Summable | undefined {
  if (a === undefined || b === undefined) return a ?? b
  if (typeof a === 'number' && typeof b === 'number') return a + b
  if (Array.isArray(a) && Array.isArray(b)) return a.map((value, at) => sumOfTwo(value, b[at]))
  if (typeof a !== 'object' || typeof b !== 'object') throw new Error('counts of different shapes')
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  const member = (counts: object, name: string): Summable | undefined =>
    Object.hasOwn(counts, name) ? (counts as Record<string, Summable>)[name] : undefined
  return Object.fromEntries([...names].map((name) => [name, sumOfTwo(member(a, name), member(b, name))!]))
}

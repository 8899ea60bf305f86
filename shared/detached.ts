/**
 * A copy of a text that was cut out of a longer one, for what is kept: V8 keeps the whole of that alive behind a slice of
 * it. A text that is put together is made one piece, of its own, when it is cut.
 */
export const detached = (text: string): string => ` ${text}`.slice(1)

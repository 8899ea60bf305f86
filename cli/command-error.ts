// Why a command could not do what it was asked.

/** Exit codes: what was asked is so, is not so, or could not be found out. */
export const YES = 0
export const NO = 1
export const UNKNOWN = 2

/** The message says what is wrong and what to do; nobody wants to see where in the code it was thrown. */
export class CommandError extends Error {}

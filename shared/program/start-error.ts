// Why a program cannot start.

/** The program cannot start; its message is the one line that says why. */
export class StartError extends Error {}

// The filter as a program on Bun.
import { bunSockets } from './bun-sockets.ts'
import { runFilter, startAlone } from './filter-program.ts'

await runFilter((program) => startAlone(program, bunSockets))

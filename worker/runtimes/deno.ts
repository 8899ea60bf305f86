// The filter as a program on Deno.
import { nodeSockets } from '../http1/sockets.ts'
import { runFilter, startAlone } from './filter-program.ts'

await runFilter((program) => startAlone(program, nodeSockets))

// The filter as a program on Deno.
import { runFilter } from './filter-program.ts'

await runFilter()

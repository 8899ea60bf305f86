// The filter as a program on Bun.
import { runFilter } from './filter-program.ts'

await runFilter()

// Every attack against the filter on Deno.
import { attackOn } from './hold.ts'

attackOn('deno')

// Every attack against the filter on Bun.
import { attackOn } from './hold.ts'

attackOn('bun')

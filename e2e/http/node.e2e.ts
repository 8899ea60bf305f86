// Every attack against the filter on Node.
import { attackOn } from './hold.ts'

attackOn('node')

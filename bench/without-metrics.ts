// Loaded before a filter (node --import), which then counts and observes nothing for Prometheus: no configuration has that.
import { Histogram } from '../shared/histogram.ts'
import { Traffic } from '../worker/metrics/traffic.ts'

const nothing = () => {}
Histogram.prototype.observe = nothing
for (const name of ['began', 'judged', 'refused', 'failed', 'over'] as const)
  Traffic.prototype[name] = nothing

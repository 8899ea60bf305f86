// The keys for sharing nodeos's time.
import * as v from 'valibot'
import { integer, key, section } from './values.ts'

const CONCURRENCY = '"auto", or a whole number from 1 to 10000'

const fairness = section(
  {
    concurrency: v.optional(
      v.union(
        [v.literal('auto'), v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000))],
        CONCURRENCY,
      ),
      'auto',
    ),
    maxWait: v.optional(integer(1, 300, 'seconds'), 5),
    maxQueue: v.optional(integer(0, 100_000), 1_000),
  },
  'an object with concurrency, maxWait and maxQueue, or null',
)

export const fairnessKeys = {
  fairness: key(
    v.nullable(fairness),
    null,
    'How a node\'s time is shared: "concurrency" requests are sent to it at one time ("auto" finds out), up to maxQueue more wait for maxWait seconds at most, those of clients that used the least of its time lately first; null has none wait',
  ),
}

export type FairnessConfig = v.InferOutput<typeof fairness>

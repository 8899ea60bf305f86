import { expect, test } from 'vitest'
import { Histogram } from './histogram.ts'
import { histogramFamily } from './prometheus.ts'

test('an observation counts in the first bucket that it is not over; sum and count are exact', () => {
  const histogram = new Histogram([0.25, 0.5, 1])
  for (const seconds of [0, 0.25, 0.251, 0.5, 1, 1.5, 40]) histogram.observe(seconds)
  expect(histogram.observed()).toEqual({ counts: [2, 2, 1, 2], sum: 43.501 })
})

test('Prometheus gets cumulative buckets that end with +Inf', () => {
  const histogram = new Histogram([0.25, 0.5])
  for (const seconds of [0.25, 0.5, 0.5, 3]) histogram.observe(seconds)
  expect(
    histogramFamily(
      'a_seconds',
      'Seconds',
      [0.25, 0.5],
      [{ labels: { node: 'one' }, observed: histogram.observed() }],
    ),
  ).toBe(
    [
      '# HELP a_seconds Seconds',
      '# TYPE a_seconds histogram',
      'a_seconds_bucket{node="one",le="0.25"} 1',
      'a_seconds_bucket{node="one",le="0.5"} 3',
      'a_seconds_bucket{node="one",le="+Inf"} 4',
      'a_seconds_sum{node="one"} 4.25',
      'a_seconds_count{node="one"} 4',
      '',
    ].join('\n'),
  )
})

import { expect, test } from 'vitest'
import { counted, milliseconds, number, percent, seconds } from './format.ts'

test.each([
  [number(0), '0'],
  [number(3.24), '3.2'],
  [number(0.034), '0.03'],
  [number(12.7), '13'],
  [number(1_234_567), '1,234,567'],
  [percent(0), '0 %'],
  [percent(0.004), '< 1 %'],
  [percent(0.731), '73 %'],
  [milliseconds(12), '12 ms'],
  [milliseconds(1_440), '1.4 s'],
  [milliseconds(100_000), '1 min 40 s'],
  [seconds(0), '0 s'],
  [seconds(59.7), '1 min'],
  [seconds(11_100), '3 h 5 min'],
  [seconds(172_800), '2 d'],
  [counted(1, 'request'), '1 request'],
  [counted(1_000, 'request'), '1,000 requests'],
])('%s', (found, expected) => {
  expect(found).toBe(expected)
})

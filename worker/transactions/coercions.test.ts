// nodeos's own conversions, as its source has them and a live node was seen to do.
import { describe, expect, test } from 'vitest'
import { toBoolean, toCompression, toCount } from './coercions.ts'

describe('a boolean is what nodeos takes for one', () => {
  test.each([
    [true, true],
    [1, true],
    [-1, true],
    [0.5, true],
    ['true', true],
    [false, false],
    [0, false],
    [null, false],
    ['false', false],
    ['1', undefined],
    ['TRUE', undefined],
    ['', undefined],
    [[], undefined],
    [{}, undefined],
    [undefined, undefined],
  ])('%j: %j', (value, expected) => {
    expect(toBoolean(value)).toBe(expected)
  })
})

describe('a count is what nodeos takes for one, unless it would be cut off to fit', () => {
  test.each([
    [7, 7],
    ['7', 7],
    ['+7', 7],
    ['007', 7],
    [7.9, 7],
    [-0.5, 0],
    [true, 1],
    [null, 0],
    [65_535, 65_535],
    [65_536, undefined],
    [-1, undefined],
    ['-1', undefined],
    [' 7', undefined],
    ['7.5', undefined],
    ['1e2', undefined],
    ['', undefined],
    [[7], undefined],
  ])('%j: %j', (value, expected) => {
    expect(toCount(value, 65_535)).toBe(expected)
  })
})

describe('a compression is its name or its number in any form', () => {
  test.each([
    ...['none', 0, '0', '-0', '00', 0.9, -0.1, false, null].map((value) => [value, 'none'] as const),
    ...['zlib', 1, '1', '+1', 1.9, true].map((value) => [value, 'zlib'] as const),
    ...['NONE', 'gzip', '', 2, '2', -1, 'true', 'false', [], {}, undefined].map(
      (value) => [value, undefined] as const,
    ),
  ])('%j: %s', (value, expected) => {
    expect(toCompression(value)).toBe(expected)
  })
})

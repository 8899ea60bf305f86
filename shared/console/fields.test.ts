import { describe, expect, test } from 'vitest'
import { filterConfigSchema } from '../config/filter.ts'
import { parseConfig } from '../config/parse.ts'
import { type Control, fieldsOf, textOf } from './fields.ts'

const fields = new Map(fieldsOf(filterConfigSchema).map((field) => [field.key, field]))

describe('a field', () => {
  test.each<[string, Control]>([
    ['console', { kind: 'flag' }],
    ['mode', { kind: 'choice', options: ['enforce', 'monitor'] }],
    ['maxSignatures', { kind: 'integer', minimum: 0, maximum: 1_000_000 }],
    ['nodeosUrl', { kind: 'text' }],
    ['listenPort', { kind: 'scalar' }],
    ['workers', { kind: 'scalar' }],
    ['contractBlackList', { kind: 'json' }],
    ['ipBlockList', { kind: 'json' }],
    ['fairness', { kind: 'json' }],
  ])('has the control that fits its type: %s', (key, control) => {
    expect(fields.get(key)!.control).toEqual(control)
  })

  test('is there for every key, with its meaning and its default', () => {
    const parsed = parseConfig(filterConfigSchema, {})
    if ('issues' in parsed) throw new Error('the defaults are not valid')
    expect([...fields.keys()].sort()).toEqual(Object.keys(parsed.config).sort())
    for (const { key, description, fallback } of fields.values()) {
      expect(description, key).not.toBe('')
      expect(fallback, key).toEqual(parsed.config[key as keyof typeof parsed.config])
    }
  })

  test('shows a value as it is typed', () => {
    expect(textOf({ kind: 'integer', minimum: 0, maximum: 9 }, 7)).toBe('7')
    expect(textOf({ kind: 'json' }, { 'eosio.token': true })).toBe('{"eosio.token":true}')
    expect(textOf({ kind: 'json' }, Array(3).fill('http://10.0.0.1:8080/a'))).toContain('\n  "http')
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { filterConfigSchema } from '../config/filter.ts'
import { parseConfig } from '../config/parse.ts'
import { mergePatch } from '../config-api.ts'
import { Changes, differencesOf, patchOf } from './changes.ts'

const config = (settings: object) => {
  const parsed = parseConfig(filterConfigSchema, settings)
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues))
  return parsed.config
}

describe('a patch', () => {
  test('makes one object of any other, where no value is null', () => {
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        fc.integer(),
        fc.string(),
        fc.array(fc.integer()),
        fc.dictionary(fc.string(), tie('node')),
      ),
    })).node
    const object = fc.dictionary(fc.string(), value)
    fc.assert(
      fc.property(object, object, (before, after) => {
        expect(mergePatch(before, patchOf(before, after))).toEqual(after)
      }),
    )
  })
})

describe('changes', () => {
  test.each([
    ['a number', {}, { maxSignatures: 3 }],
    ['a name that is listed', { contractBlackList: { aaa: true } }, { contractBlackList: { bbb: true } }],
    ['a section that is taken away', { bans: { banTime: 7 } }, {}],
    ['a section that comes', {}, { fairness: {} }],
    ['a list', { trustedProxies: ['10.0.0.0/8'] }, {}],
  ])('can be taken back: %s', (_what, first, second) => {
    const changes = new Changes(config(first))
    changes.note(config(second))
    const [change] = changes.all
    const back = parseConfig(filterConfigSchema, mergePatch(config(second), change!.undo))
    expect(back).toEqual({ config: config(first) })
  })

  test('are the last ten, the newest first, and none where nothing changed', () => {
    const changes = new Changes(config({}))
    expect(changes.note(config({}))).toBeUndefined()
    for (let signatures = 20; signatures < 32; signatures++)
      changes.note(config({ maxSignatures: signatures }))
    expect(changes.all).toHaveLength(10)
    expect(changes.all[0]).toMatchObject({
      id: 12,
      differences: [{ path: 'maxSignatures', before: 30, after: 31 }],
    })
  })

  test('name each value that differs', () => {
    expect(differencesOf(config({}), config({ bans: { maxRetry: { size: 1 } }, logSuccess: true }))).toEqual([
      { path: 'logSuccess', before: false, after: true },
      { path: 'bans', before: null, after: expect.objectContaining({ banTime: 300 }) },
    ])
    const changed = differencesOf(
      config({ contractBlackList: { aaa: true } }),
      config({ contractBlackList: { bbb: true } }),
    )
    expect(changed).toEqual([
      { path: 'contractBlackList.aaa', before: true, after: undefined },
      { path: 'contractBlackList.bbb', before: undefined, after: true },
    ])
  })
})

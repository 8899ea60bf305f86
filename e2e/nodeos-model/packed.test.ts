import { Serializer, Transaction as WharfkitTransaction } from '@wharfkit/antelope'
import { describe, expect, it } from 'vitest'
import { compress, packContextFreeData, packTransaction, type TransactionSpec } from '../fuzz/transactions.ts'
import type { FcValue } from './json.ts'
import {
  bytesFromVariant,
  compressionFromVariant,
  nameFromVariant,
  nameToString,
  unpackContextFreeData,
  unpackTransaction,
} from './packed.ts'

const SPEC: TransactionSpec = {
  contextFreeActions: [{ account: 'eosio.null', name: 'nonce', authorization: [], data: 'ff' }],
  actions: [
    {
      account: 'eosio.token',
      name: 'transfer',
      authorization: [{ actor: 'alice', permission: 'active' }],
      data: '00'.repeat(200),
    },
  ],
  extensions: [{ type: 7, data: 'aabb' }],
  maxNetUsageWords: 300,
}

// Taken from a public main network: m.federation::mine by may4q.c.wam@active.
const MAINNET_ZLIB =
  '78dacb3d782c659f64208be036062060345879fad9aa256213401c8605cb2633322c79c8c0e8bd672288bfe2ad9191204c80c3b7f2e5cf058dff5318000682181f'

describe('packed transactions', () => {
  it('reads a real zlib transaction', () => {
    const { contextFreeActions, actions, trailing } = unpackTransaction(
      bytesFromVariant(MAINNET_ZLIB),
      'zlib',
    )
    expect(contextFreeActions).toEqual([])
    expect(trailing).toBe(0)
    expect(actions).toEqual([
      {
        account: 'm.federation',
        name: 'mine',
        authorization: [{ actor: 'may4q.c.wam', permission: 'active' }],
        dataSize: expect.any(Number),
      },
    ])
  })

  it('agrees with eosjs that wrote them and wharfkit that reads them', () => {
    const bytes = packTransaction(SPEC)
    const ours = unpackTransaction(bytes, 'none')
    const theirs = Serializer.decode({ data: bytes, type: WharfkitTransaction })
    const shape = (list: WharfkitTransaction['actions']) =>
      list.map((action) => ({
        account: String(action.account),
        name: String(action.name),
        authorization: action.authorization.map(({ actor, permission }) => ({
          actor: String(actor),
          permission: String(permission),
        })),
        dataSize: action.data.array.length,
      }))
    expect(ours.actions).toEqual(shape(theirs.actions))
    expect(ours.contextFreeActions).toEqual(shape(theirs.context_free_actions))
    expect(ours.header.refBlockPrefix).toBe(Number(theirs.ref_block_prefix))
    expect(ours.header.maxNetUsageWords).toBe(300)
    expect(ours.extensions).toEqual([{ type: 7, size: 2 }])
    expect(ours.size).toBe(bytes.length)
    expect(unpackTransaction(compress(bytes), 'zlib')).toEqual(ours)
  })

  it('ignores trailing bytes, of the transaction and of the zlib stream', () => {
    const bytes = packTransaction(SPEC)
    const more = Uint8Array.of(...bytes, 1, 2, 3)
    expect(unpackTransaction(more, 'none')).toMatchObject({ size: bytes.length, trailing: 3, unused: 0 })
    expect(unpackTransaction(Uint8Array.of(...compress(bytes), 1, 2, 3), 'zlib')).toMatchObject({
      trailing: 0,
      unused: 3,
    })
  })

  it('refuses bytes that end early and a zlib stream that does not end', () => {
    const bytes = packTransaction(SPEC)
    expect(() => unpackTransaction(bytes.subarray(0, -1), 'none')).toThrow('end early')
    expect(() => unpackTransaction(compress(bytes).subarray(0, -4), 'zlib')).toThrow('does not inflate')
  })

  it('inflates to 1 MiB and no further', () => {
    const padded = (size: number) => {
      const bytes = new Uint8Array(size)
      bytes.set(packTransaction(SPEC))
      return compress(bytes)
    }
    expect(() => unpackTransaction(padded(1024 * 1024), 'zlib')).not.toThrow()
    expect(() => unpackTransaction(padded(1024 * 1024 + 1), 'zlib')).toThrow('does not inflate')
  })

  it.each([
    ['two bytes for zero', '8000', 0, 0],
    ['five bytes for zero', '8080808000', 0, 0],
    ['five bytes that promise a sixth: five are taken', '8080808080', 0, 0],
    ['bits above the 32nd are lost', 'ffffffff7f', 0xffffffff, 0],
    ['the sixth byte is the next field', '808080808000', 0, 1],
  ])('varuint: %s', (_name, hex, value, trailing) => {
    const bytes = Buffer.concat([Buffer.alloc(10), Buffer.from(hex, 'hex'), Buffer.from('0000000000', 'hex')])
    const transaction = unpackTransaction(bytes, 'none')
    expect(transaction.header.maxNetUsageWords).toBe(value)
    expect(transaction.trailing).toBe(trailing)
  })

  it('reads context-free data, empty, plain and compressed', () => {
    const packed = packContextFreeData([Uint8Array.of(1, 2, 3), new Uint8Array(0)])
    const exact = { trailing: 0, unused: 0 }
    expect(unpackContextFreeData(new Uint8Array(0), 'none')).toEqual({ ...exact, sizes: [] })
    expect(unpackContextFreeData(packed, 'none')).toEqual({ ...exact, sizes: [3, 0] })
    expect(unpackContextFreeData(compress(packed), 'zlib')).toEqual({ ...exact, sizes: [3, 0] })
    const more = Uint8Array.of(...packed, 9)
    expect(unpackContextFreeData(more, 'none')).toEqual({ sizes: [3, 0], trailing: 1, unused: 0 })
  })
})

describe('coercions', () => {
  it.each<[string, FcValue, string]>([
    ['none', 'none', 'none'],
    ['zlib', 'zlib', 'zlib'],
    ['0', 0n, 'none'],
    ['1', 1n, 'zlib'],
    ['"0"', '0', 'none'],
    ['"1"', '1', 'zlib'],
    ['"+01"', '+01', 'zlib'],
    ['true', true, 'zlib'],
    ['false', false, 'none'],
    ['null', null, 'none'],
    ['0.9', 0.9, 'none'],
    ['1.9', 1.9, 'zlib'],
    ['-0.5', -0.5, 'none'],
    ['"zlib" up to a NUL', 'zlib\0etc', 'zlib'],
  ])('compression %s', (_name, value, compression) => {
    expect(compressionFromVariant(value)).toBe(compression)
  })

  it.each<[string, FcValue]>([
    ['"NONE"', 'NONE'],
    ['""', ''],
    ['2', 2n],
    ['-1', -1n],
    ['2.0', 2],
    ['" 1"', ' 1'],
    ['"1.0"', '1.0'],
    ['"0x1"', '0x1'],
    ['an array', []],
    ['an object', new Map()],
  ])('no compression: %s', (_name, value) => {
    expect(() => compressionFromVariant(value)).toThrow()
  })

  it('takes hex of either case, of an even number of digits', () => {
    expect(bytesFromVariant('aAfF')).toEqual(Uint8Array.of(0xaa, 0xff))
    for (const bad of ['abc', 'zz', '0x', ' a', 'ab\n ']) expect(() => bytesFromVariant(bad)).toThrow()
  })

  it('takes a name that prints as itself', () => {
    expect(nameToString(0x5530ea0000000000n)).toBe('eosio')
    expect(nameToString(0x5530ea033482a600n)).toBe('eosio.token')
    expect(nameToString(0n)).toBe('')
    for (const good of ['', 'a', '.a', 'eosio.token', 'zzzzzzzzzzzzj'])
      expect(nameFromVariant(good)).toBe(good)
    for (const bad of ['a.', 'A', '6', 'zzzzzzzzzzzzk', 'aaaaaaaaaaaaaa', 'eos io', 'eosio\0', 5n])
      expect(() => nameFromVariant(bad)).toThrow()
  })
})

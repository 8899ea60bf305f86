// Packed transactions are shown as wharfkit reads them.
import { PackedTransaction, Serializer } from '@wharfkit/antelope'
import { expect, test } from 'vitest'
import { blob, signWithWharfkit, throwAwayKeys, transfer } from '../testing/clients.ts'
import { readEnvelope, readTransaction } from './readable.ts'

const signed = signWithWharfkit({
  actions: [transfer('alice', 'bob'), blob(300)],
  contextFreeActions: [blob(2)],
  contextFreeData: ['0102ff', ''],
  keys: throwAwayKeys(2),
})

test.each([0, 1])('an envelope of compression %d: id, header, actions, signatures', (compression) => {
  const packed = PackedTransaction.fromSigned(signed, compression)
  const readable = readEnvelope(JSON.parse(JSON.stringify(packed)))
  const { transaction } = signed
  const expected = JSON.parse(JSON.stringify(transaction))
  const sized = (actions: { data: string }[]) =>
    actions.map((action) => ({ ...action, dataSize: action.data.length / 2 }))
  expect(readable).toMatchObject({
    ...expected,
    actions: sized(expected.actions),
    context_free_actions: sized(expected.context_free_actions),
    id: String(transaction.id),
    signatures: signed.signatures.map(String),
    compression: compression === 0 ? 'none' : 'zlib',
    packedSize: Serializer.encode({ object: transaction }).array.length,
  })
})

test('bytes that do not decode exactly are nothing', () => {
  const bytes = Serializer.encode({ object: signed.transaction }).array
  expect(readTransaction(bytes)).toBeDefined()
  expect(readTransaction(new Uint8Array([...bytes, 0]))).toBeUndefined()
  expect(readTransaction(bytes.subarray(1))).toBeUndefined()
  expect(readTransaction(new Uint8Array(0))).toBeUndefined()
})

test('an envelope that cannot be opened says why', () => {
  expect(readEnvelope({ signatures: [], packed_trx: 'zz' })).toMatchObject({ code: 'PARSE_ERROR' })
})

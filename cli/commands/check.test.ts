// patroneos check and decode on the command line.
import { PackedTransaction, Serializer } from '@wharfkit/antelope'
import { describe, expect, test } from 'vitest'
import { signWithWharfkit, transfer } from '../../worker/testing/clients.ts'
import { folderForTest, runCli } from '../testing/run-cli.ts'

const signed = signWithWharfkit({ actions: [transfer('alice', 'bob')] })
const packed = JSON.parse(JSON.stringify(PackedTransaction.fromSigned(signed, 1)))
const push = JSON.stringify({ path: '/v1/chain/push_transaction', body: packed })

describe('check', () => {
  test('exits with 0 for what is forwarded, and shows the transaction', async () => {
    const config = folderForTest().write('config.json', {})
    const { code, stdout } = await runCli('check', '-c', config, push)
    expect(code).toBe(0)
    expect(stdout).toContain('forwarded to nodeos (http://127.0.0.1:8888)')
    expect(stdout).toContain(`  id          ${signed.transaction.id}`)
    expect(stdout).toMatch(/ {2}action {6}eosio\.token::transfer {2}alice@active {2}16 bytes/)
    expect(stdout).toMatch(/✓ expiration/)
    // It is no terminal.
    expect(stdout).not.toContain('\x1b')
  })

  test('exits with 1 for what is rejected, and says by which rule', async () => {
    const config = folderForTest().write('config.json', { contractBlackList: { 'eosio.token': true } })
    const { code, stdout } = await runCli('check', '--config', config, '--from', '203.0.113.9', push)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^POST \/v1\/chain\/push_transaction from 203\.0\.113\.9, /)
    expect(stdout).toContain('rejected: 400 BLACKLISTED_CONTRACT')
    expect(stdout).toContain('Reported as BLACKLISTED_CONTRACT, a strike of class contracts')
    expect(stdout).toMatch(
      /✗ contracts .*Transaction has an action on contract eosio\.token, which is blacklisted/,
    )
    const json = await runCli('check', '--config', config, '--json', push)
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({
      verdict: 'reject',
      violation: { code: 'BLACKLISTED_CONTRACT' },
      transactions: [{ id: String(signed.transaction.id) }],
    })
  })

  test('exits with 1 for what is no request of HTTP/1.1', async () => {
    const { code, stdout } = await runCli('check', 'GET / HTTP/1.1\n\n')
    expect([code, stdout]).toEqual([1, 'rejected: 400 INVALID_HTTP\n  No Host\n'])
  })

  test('judges by the lists of addresses, files included, and says which cannot be read', async () => {
    const folder = folderForTest()
    const list = folder.write('block.txt', '203.0.113.0/24\n')
    const ask = (file: string) =>
      runCli(
        'check',
        '--from',
        '203.0.113.9',
        '--config',
        folder.write('config.json', { ipBlockList: { file } }),
        '{"path":"/v1/chain/get_info"}',
      )
    expect(await ask(list)).toMatchObject({ code: 1, stdout: expect.stringContaining('BLOCKED_ADDRESS') })
    const missing = await ask(folder.path('missing.txt'))
    expect(missing.code).toBe(0)
    expect(missing.stderr).toMatch(/warning: ipBlockList\.file: .*missing\.txt cannot be used/)
  })

  test.each([
    ['no request', ['check'], "missing required argument 'request'"],
    [
      'no configuration',
      ['check', '-c', '/nowhere.json', push],
      'cannot read /nowhere.json: there is no such file',
    ],
    ['no time', ['check', '--time', 'soon', push], '--time: found "soon"; allowed: a time such as'],
    ['no server', ['check', '-s', 'http://127.0.0.1:1', push], 'http://127.0.0.1:1/patroneos/check: '],
    ['an unknown option', ['check', '--jsn', push], 'Did you mean --json?'],
  ])('exits with 2 where there is %s', async (_what, args, reason) => {
    const { code, stdout, stderr } = await runCli(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(reason)
  })

  test('exits with 2 for a configuration that is not valid, and says all that is wrong', async () => {
    const config = folderForTest().write('config.json', { maxSignatures: -1, nope: 1 })
    const { code, stderr } = await runCli('check', '-c', config, push)
    expect(code).toBe(2)
    expect(stderr).toContain('maxSignatures: found -1; allowed: a whole number from 0')
    expect(stderr).toContain('nope: found an unknown key')
  })
})

describe('decode', () => {
  const hex = Buffer.from(Serializer.encode({ object: signed.transaction }).array).toString('hex')
  test.each([
    ['hexadecimal', hex],
    ['compressed hexadecimal', packed.packed_trx],
    ['a body of push_transaction', JSON.stringify(packed)],
    ['a body of send_transaction2', JSON.stringify({ transaction: packed })],
    ['a transaction of a block', JSON.stringify({ ...packed, signatures: undefined })],
  ])('%s', async (_what, text) => {
    const { code, stdout } = await runCli('decode', text)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      id: String(signed.transaction.id),
      actions: [{ account: 'eosio.token', name: 'transfer' }],
    })
  })

  test('a body of push_transactions', async () => {
    const { stdout } = await runCli('decode', JSON.stringify([packed, packed]))
    expect(JSON.parse(stdout)).toHaveLength(2)
  })

  test.each([
    ['xyz', 'found "xyz"; allowed: hexadecimal, or JSON with "packed_trx"'],
    ['00ff', '2 bytes that are no packed transaction, with zlib or without'],
    ['{"a":1}', 'the JSON has no "packed_trx"'],
    [JSON.stringify({ ...packed, packed_trx: '00' }), '"packed_trx" is not exactly one zlib stream'],
  ])('%s is no transaction', async (text, reason) => {
    const { code, stderr } = await runCli('decode', text)
    expect(code).toBe(2)
    expect(stderr).toContain(reason)
  })
})

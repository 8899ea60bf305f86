// Lists of addresses through the filter: who is shut out, told so, or let through without limits.
import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, it, test, vi } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { rangeListOf } from '../../shared/address-list.ts'
import { ask, filterConfig, startBoth } from '../testing/harness.ts'
import { createAddressLists } from './lists.ts'

const from = (client: string) => ['x-forwarded-for', client]
const standing = (lists: ReturnType<typeof createAddressLists>, client: string) =>
  lists.standingOf(client as Address)

describe('the standing of an address', () => {
  it('is allowed where both lists have it', () => {
    const lists = createAddressLists()
    lists.configure(
      filterConfig({ ipAllowList: ['203.0.113.9'], ipBlockList: ['203.0.113.0/24', '2001:db8::/32'] }),
    )
    expect(standing(lists, '203.0.113.9')).toBe('allowed')
    expect(standing(lists, '203.0.113.8')).toBe('blocked')
    expect(standing(lists, '2001:db8::1')).toBe('blocked')
    expect(standing(lists, '198.51.100.1')).toBeUndefined()
  })
  it('is that of the configuration and of each source together, and follows both', () => {
    const lists = createAddressLists()
    lists.configure(filterConfig({ ipBlockList: ['10.0.0.1'] }))
    expect(lists.put('ipBlockList', 'file', rangeListOf(['10.0.0.2']))).toBe(2)
    lists.put('ipBlockList', 'url', rangeListOf(['10.0.0.3']))
    const blocked = () =>
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'].filter((client) => standing(lists, client) === 'blocked')
    expect(blocked()).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    lists.put('ipBlockList', 'file', undefined)
    expect(blocked()).toEqual(['10.0.0.1', '10.0.0.3'])
    lists.configure(filterConfig())
    expect(blocked()).toEqual(['10.0.0.3'])
  })
})

describe('a blocked address', () => {
  it('is told so behind a trusted proxy, is no strike, and is let in again by a change', async () => {
    const { filter, nodeos } = await startBoth({ ipBlockList: ['203.0.113.0/24'] })
    expect((await ask(filter.port, { headers: from('203.0.113.9') })).status).toBe(403)
    expect((await ask(filter.port, { headers: from('198.51.100.1') })).status).toBe(200)
    filter.configure({ ipBlockList: ['203.0.113.0/24'], ipAllowList: ['203.0.113.9'] })
    expect((await ask(filter.port, { headers: from('203.0.113.9') })).status).toBe(200)
    expect(nodeos.received).toHaveLength(2)
    expect(filter.reports).toEqual([])
  })
  it('has its connection closed without an answer', async () => {
    const { filter } = await startBoth({ ipBlockList: ['127.0.0.1'], trustedProxies: [] })
    const socket = net.connect(filter.port, '127.0.0.1')
    let answer = ''
    socket.on('data', (data) => {
      answer += data
    })
    socket.on('error', () => {})
    socket.write('GET /v1/chain/get_info HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'close')
    expect(answer).toBe('')
  })
  it('is only noted in monitor mode', async () => {
    const { filter } = await startBoth({ ipBlockList: ['127.0.0.1'], trustedProxies: [], mode: 'monitor' })
    expect((await ask(filter.port, {})).status).toBe(200)
    expect(JSON.parse(filter.log.at(-1)!)).toMatchObject({
      message: 'would be rejected',
      code: 'BLOCKED_ADDRESS',
    })
  })
  it('that is a trusted proxy is served: what comes through it is told apart', async () => {
    const { filter } = await startBoth({ ipBlockList: ['127.0.0.1'] })
    expect((await ask(filter.port, {})).status).toBe(200)
  })
})

describe('an allowed address', () => {
  const broken = { target: '/v1/chain/push_transaction', body: '{' }
  test('is neither banned nor reported, whatever it sends, and is refused all the same', async () => {
    const { filter } = await startBoth({ ipAllowList: ['203.0.113.9'], bans: { maxRetry: { malformed: 1 } } })
    for (let asked = 0; asked < 3; asked++)
      expect((await ask(filter.port, { ...broken, headers: from('203.0.113.9') })).status).toBe(400)
    expect((await ask(filter.port, { headers: from('203.0.113.9') })).status).toBe(200)
    expect(filter.reports).toEqual([])
    await ask(filter.port, { ...broken, headers: from('203.0.113.8') })
    expect((await ask(filter.port, { headers: from('203.0.113.8') })).status).toBe(403)
    expect(filter.reports).toEqual([{ host: '203.0.113.8', code: 'INVALID_JSON' }])
  })
  test('is let in again at once where it was banned and shut out', async () => {
    const settings = { trustedProxies: [], bans: { maxRetry: { malformed: 1 } } }
    const { filter } = await startBoth(settings)
    await ask(filter.port, broken)
    // Told of its ban often enough, it gets no answer any more.
    const refused = async () => (await ask(filter.port, {}).catch(() => ({ status: 0 }))).status
    await vi.waitFor(async () => expect(await refused()).toBe(0))
    filter.configure({ ...settings, ipAllowList: ['127.0.0.1'] })
    expect(await refused()).toBe(200)
  })
  test('is over no rate limit', async () => {
    const limit = { name: 'all', on: 'attempt', limit: 1, window: 60 }
    const { filter } = await startBoth({
      ipAllowList: ['203.0.113.9'],
      rateLimits: [
        { ...limit, key: ['ip'] },
        { ...limit, name: 'path', key: ['path'] },
      ],
    })
    for (let asked = 0; asked < 3; asked++)
      expect((await ask(filter.port, { headers: from('203.0.113.9') })).status).toBe(200)
    expect((await ask(filter.port, { headers: from('203.0.113.8') })).status).toBe(200)
    expect((await ask(filter.port, { headers: from('203.0.113.8') })).status).toBe(429)
  })
  test('may have more connections than others', async () => {
    const { filter } = await startBoth({
      ipAllowList: ['127.0.0.1'],
      trustedProxies: [],
      maxConnectionsPerClient: 1,
    })
    const idle = net.connect(filter.port, '127.0.0.1')
    await once(idle, 'connect')
    expect((await ask(filter.port, {})).status).toBe(200)
    idle.destroy()
  })
})

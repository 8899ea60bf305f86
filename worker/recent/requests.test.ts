import { describe, expect, test } from 'vitest'
import type { Address } from '../../shared/address.ts'
import { RecentRequests } from './requests.ts'

const client = '203.0.113.9' as Address
const head = (began: number) => ({
  method: 'POST',
  target: '/v1/chain/get_block',
  headers: ['Host', 'a.example', 'Content-Length', '7', 'Cookie', 'secret'],
  began,
})

describe('the last requests', () => {
  test('are a thousand at the most, the newest of them', () => {
    const requests = new RecentRequests()
    for (let n = 0; n < 1_200; n++) requests.add(head(n * 10), client, new Uint8Array([n % 256]))
    expect(requests.all).toHaveLength(1_000)
    expect(requests.all.at(-1)!.body).toEqual(new Uint8Array([1_199 % 256]))
  })

  test('are bounded in bytes, and leave out bodies that would displace all others', () => {
    const requests = new RecentRequests()
    for (let n = 0; n < 50; n++) requests.add(head(n * 10), client, new Uint8Array(250_000))
    expect(requests.all).toHaveLength(33)
    requests.add(head(1_000), client, new Uint8Array(262_145))
    expect(requests.all).toHaveLength(33)
  })

  test('are 200 a second at the most', () => {
    const requests = new RecentRequests()
    for (let n = 0; n < 1_000; n++) requests.add(head(n), client, undefined)
    expect(requests.all).toHaveLength(200)
  })

  test('hold no bytes of a connection, and of headers only what is judged', () => {
    const requests = new RecentRequests()
    const buffer = new Uint8Array([1, 2, 3])
    requests.add(head(0), client, buffer.subarray(1))
    buffer[1] = 9
    expect(requests.all[0]).toMatchObject({
      body: new Uint8Array([2, 3]),
      headers: ['Host', '', 'Content-Length', '7', 'Cookie', ''],
    })
  })
})

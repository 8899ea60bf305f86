// Instances as on Deno Deploy, which share their bans through Deno KV.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { ask } from '../testing/harness.ts'
import { startUpstream } from './testing/endpoints.ts'
import { startDenoDeploy } from './testing/runtimes.ts'

it('Deno Deploy: a ban is counted over all instances, exactly, and known to those that had no part in it', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'patroneos-kv-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const upstream = await startUpstream()
  onTestFinished(() => upstream.close())
  const threshold = 8
  const config = {
    nodeosUrl: '127.0.0.1',
    nodeosPort: upstream.port,
    bans: { maxRetry: { malformed: threshold } },
  }
  const startInstance = async () => {
    const instance = await startDenoDeploy(config, path.join(directory, 'kv'))
    onTestFinished(() => instance.stop())
    return instance
  }
  const send = (port: number, client: string, body?: string) =>
    ask(port, {
      headers: ['x-forwarded-for', client],
      ...(body && { body, target: '/v1/chain/push_transaction' }),
    })

  const instances = await Promise.all([startInstance(), startInstance()])
  const offences = Array.from({ length: threshold - 1 }, (_, index) =>
    send(instances[index % 2]!.port, '203.0.113.9', '{'),
  )
  expect((await Promise.all(offences)).map(({ status }) => status)).toEqual(offences.map(() => 400))
  for (const { port } of instances) expect((await send(port, '203.0.113.9')).status).toBe(200)
  await send(instances[0]!.port, '203.0.113.9', '{')
  await vi.waitUntil(async () => (await send(instances[0]!.port, '203.0.113.9')).status === 403, 15_000)
  expect((await send(instances[0]!.port, '203.0.113.10')).status).toBe(200)
  // An instance that starts now knows the list at once.
  const third = await startInstance()
  const answer = await send(third.port, '203.0.113.9')
  expect([answer.status, JSON.parse(answer.text).message]).toEqual([403, 'BANNED'])
})

// One suite for every driver, each on its own store: this process, Deno KV in Deno, Durable Objects and KV in workerd.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { binary, bundleWorker, startWorkerd } from '../../runtimes/testing/runtimes.ts'
import { driverCases, runDriverCases } from '../testing/driver-cases.ts'
import { memoryBanDriver } from './memory.ts'

const testing = (name: string) => path.join(import.meta.dirname, '../testing', `${name}.ts`)

const onMemory = () => runDriverCases(memoryBanDriver(Date.now))

async function onDenoKv() {
  const { stdout } = await promisify(execFile)(binary('deno'), [
    'run',
    '--no-prompt',
    '--unstable-kv',
    testing('deno-kv-cases'),
  ])
  return JSON.parse(stdout)
}

async function onCloudflare() {
  const bundle = await bundleWorker('', testing('cloudflare-cases'))
  const workerd = await startWorkerd(bundle, { config: {}, relaySecret: '' }, { isolates: 1 })
  try {
    return await (await workerd.ask(0, '/', {})).json()
  } finally {
    await workerd.stop()
  }
}

describe.each([
  ['memory', onMemory],
  ['Deno KV', onDenoKv],
  ['Cloudflare', onCloudflare],
])('bans on %s', (_name, run) => {
  it('pass every case', { timeout: 60_000 }, async () => {
    expect(await run()).toEqual(Object.fromEntries(driverCases.map(({ name }) => [name, null])))
  })
})

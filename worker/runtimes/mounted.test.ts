// The filter within somebody's own Hono app, which has routes and middleware of its own.
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import { createFilter } from '../app.ts'
import { ask, filterConfig, nodeosForTest } from '../testing/harness.ts'
import { silent } from '../testing/silent.ts'
import { createWebPlatform } from './web-platform.ts'

test('serves the paths that the other app leaves to it, and knows the client', async () => {
  const nodeos = await nodeosForTest()
  const config = filterConfig({
    nodeosPort: nodeos.port,
    trustedProxies: [],
    cache: { paths: {} },
    repeats: 0,
  })
  const filter = createFilter({
    config: () => config,
    platform: createWebPlatform(() => config, { sharesAnswers: true }),
    ...silent(),
  })
  const own = new Hono()
  own.get('/status', (c) => c.text('mine'))
  own.use(async (c, next) => {
    await next()
    c.res.headers.set('x-mine', 'yes')
  })
  own.all('*', (c) => filter.app.fetch(c.req.raw, { peer: getConnInfo(c).remote.address ?? '' }))

  const port = await new Promise<number>((resolve) => {
    const server = serve({ fetch: own.fetch, port: 0, hostname: '127.0.0.1' }, (info) => resolve(info.port))
    onTestFinished(() => void server.close())
  })
  expect((await ask(port, { target: '/status' })).text).toBe('mine')
  expect(await ask(port, {})).toMatchObject({ status: 200, headers: { 'x-mine': 'yes' } })
  expect(nodeos.received[0]?.headers['x-forwarded-for']).toBe('127.0.0.1')
  expect(await ask(port, { target: '/v1/producer/pause' })).toMatchObject({
    status: 403,
    headers: { 'x-rejected-by': 'patroneos', 'x-mine': 'yes' },
  })
  expect((await ask(port, { target: '/v1/chain/push_transaction', body: '{' })).status).toBe(400)
  expect(filter.verdicts.counts().get('INVALID_JSON')).toBe(1)
  expect(nodeos.received).toHaveLength(1)
})

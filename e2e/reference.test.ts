// The docs that are made of the code are of today, and the config API is described as it is.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { pipelineRows } from '../.ci/pipeline.ts'
import { readPage, referencePages } from '../.ci/reference.ts'
import { filterConfigSchema } from '../shared/config/filter.ts'
import { createConfigApi, documentOf } from '../shared/config-api.ts'
import { memoryConfigStore } from '../shared/config-store.ts'
import { violations } from '../shared/violations.ts'
import { createInsight } from '../worker/insight.ts'
import { Nodes } from '../worker/nodes/nodes.ts'
import { configRoutes } from '../worker/runtimes/filter-program.ts'
import { filterConfig } from '../worker/testing/harness.ts'
import { silent, silentLogger } from '../worker/testing/silent.ts'

const pages = await referencePages()

test.each(Object.keys(pages))('%s is of today (npm run reference rewrites it)', (path) => {
  expect(readPage(path)).toBe(pages[path])
})

describe('the picture of the pipeline', async () => {
  const rows = await pipelineRows()

  test('has every code with which a request is rejected', () => {
    const shown = new Set<string>(rows.flatMap(({ codes }) => codes))
    expect(Object.keys(violations).filter((code) => !shown.has(code))).toEqual([])
  })

  test('names files that are there', () => {
    expect(rows.filter(({ file }) => !existsSync(join(import.meta.dirname, '..', file)))).toEqual([])
  })
})

const routes = configRoutes(
  () => filterConfig(),
  {} as never,
  async () => [],
)

test('every route of the config listener says what it is for', () => {
  expect(
    routes.filter(({ doc }) => doc === undefined).map(({ method, path }) => `${method} ${path}`),
  ).toEqual([])
})

describe('the OpenAPI document', () => {
  test('passes a linter', async () => {
    const source = JSON.stringify(await documentOf({ schema: filterConfigSchema, routes }))
    const config = await createConfig({ extends: ['recommended-strict'] })
    const problems = await lintFromString({ source, absoluteRef: '/openapi.json', config })
    expect(
      problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`),
    ).toEqual([])
  })

  test('is served, and describes what is answered', async () => {
    const { bans } = silent()
    const nodes = new Nodes({ logger: silentLogger })
    const config = filterConfig({ nodes: [{ name: 'a', url: 'http://127.0.0.1:1' }] })
    nodes.configure(config)
    const store = memoryConfigStore(config, () => {}, 'a test')
    await bans.ban('203.0.113.9' as never, 60)
    const app = createConfigApi({
      schema: filterConfigSchema,
      store,
      token: 'secret',
      routes: configRoutes(
        store.current,
        {
          bans,
          nodes,
          looks: { ifDue: async () => {} } as never,
          metrics: async () => ({ nodes: {} }) as never,
          insight: createInsight(store.current) as never,
        },
        async () => [],
      ),
    })
    const ask = (path: string, init: RequestInit = {}) =>
      app.request(`http://localhost${path}`, {
        ...init,
        headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
      })
    const document = await (await ask('/patroneos/openapi.json')).json()
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema({ ...document, $id: 'openapi' })
    const conforms = async (method: string, path: string, body?: object) => {
      const answer = await ask(path, { method, ...(body && { body: JSON.stringify(body) }) })
      const known = answer.status >= 400 ? '4XX' : String(answer.status)
      const route = path
        .replace(/\?.*/, '')
        .replace(/(bans)\/.*/, '$1/{client}')
        .replaceAll('/', '~1')
      const at = `openapi#/paths/${route}/${method.toLowerCase()}/responses/${known}/content/application~1json/schema`
      const valid = ajv.getSchema(at)
      if (!valid) throw new Error(`${at} is not described`)
      expect(valid(await answer.json()), `${method} ${path}: ${ajv.errorsText(valid.errors)}`).toBe(true)
      return answer.status
    }
    expect(await conforms('GET', '/patroneos/config')).toBe(200)
    expect(await conforms('POST', '/patroneos/config', { maxSignatures: 5 })).toBe(200)
    expect(await conforms('POST', '/patroneos/config', { nope: 5 })).toBe(400)
    expect(await conforms('GET', '/patroneos/health')).toBe(200)
    expect(await conforms('GET', '/patroneos/nodes')).toBe(200)
    expect(await conforms('POST', '/patroneos/bans', { client: '203.0.113.9' })).toBe(201)
    expect(await conforms('GET', '/patroneos/bans')).toBe(200)
    expect(await conforms('DELETE', '/patroneos/bans/me')).toBe(400)
    expect(await conforms('POST', '/patroneos/check', { path: '/v1/chain/get_info' })).toBe(200)
    expect(await conforms('GET', '/patroneos/top?window=1m&by=time')).toBe(200)
    expect(await conforms('GET', '/patroneos/verdicts?network=203.0.113.9')).toBe(200)
    expect(await conforms('GET', '/patroneos/top?window=x')).toBe(400)
    const push = { path: '/v1/chain/push_transaction', body: {} }
    expect(await conforms('POST', '/patroneos/check', push)).toBe(200)
    expect(await conforms('POST', '/patroneos/check', { path: 1 })).toBe(400)
  })
})

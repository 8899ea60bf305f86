// The alert rules are tested by promtool, and rules and dashboard name no metric and no label that is not printed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { familiesOf, filterExample, relayExample } from '../../e2e/metrics-reference.ts'
import { skipWithoutPromtool } from '../../e2e/promtool.ts'

const file = (name: string) => join(import.meta.dirname, name)
const read = (name: string) => readFileSync(file(name), 'utf8')
const promtool = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  })
  return { status, said: stdout + stderr }
}

describe.skipIf(skipWithoutPromtool('the rules of docker/observability'))('promtool', () => {
  test('finds every alert to come when it should, and not before', () => {
    expect(promtool('test', 'rules', 'rules.test.yml')).toMatchObject({ status: 0 })
  })

  test('takes the configuration with its rules', () => {
    const directory = mkdtempSync(join(tmpdir(), 'patroneos-prometheus-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const token = join(directory, 'token')
    writeFileSync(token, 'secret')
    writeFileSync(join(directory, 'rules.yml'), read('rules.yml'))
    const configuration = join(directory, 'prometheus.yml')
    writeFileSync(configuration, read('prometheus.yml').replaceAll('/tmp/token', token))
    expect(promtool('check', 'config', configuration)).toMatchObject({ status: 0 })
  })
})

test('every alert has a test, and stands in the README', () => {
  const alerts = [...read('rules.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name!)
  expect(alerts.length).toBeGreaterThan(10)
  const [tests, readme] = [read('rules.test.yml'), read('README.md')]
  expect(alerts.filter((name) => !tests.includes(`alertname: ${name}\n`))).toEqual([])
  expect(alerts.filter((name) => !readme.includes(`\`${name}\``))).toEqual([])
})

interface Dashboard {
  uid: string
  panels: { id: number; title: string; targets?: { expr: string }[] }[]
  annotations: { list: { expr: string }[] }
  templating: { list: { type: string; query: string | { query: string } }[] }
}

const dashboards = readdirSync(file('grafana/dashboards')).map(
  (name) => JSON.parse(read(`grafana/dashboards/${name}`)) as Dashboard,
)

const queries = [
  ...[...read('rules.yml').matchAll(/expr: (?:>-\n((?: {10,}.*\n)+)|(.*))/g)].map(
    ([, folded, plain]) => folded ?? plain!,
  ),
  ...dashboards.flatMap(({ panels, annotations, templating }) => [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...annotations.list.map(({ expr }) => expr),
    ...templating.list.flatMap(({ query }) => (typeof query === 'string' ? [] : query.query)),
  ]),
]

test('every query names metrics that exist, with labels that they have', async () => {
  const families = [...familiesOf(await filterExample()), ...familiesOf(await relayExample())]
  const known = new Map(
    families.flatMap(({ name, type, labels }) =>
      type === 'histogram'
        ? ['_bucket', '_sum', '_count'].map((suffix) => [name + suffix, labels] as const)
        : [[name, labels] as const],
    ),
  )
  expect(queries.length).toBeGreaterThan(50)
  const wrong = queries.flatMap((query) =>
    [...query.matchAll(/\b((?:patroneos|process)_\w+)(?:\{([^}]*)\})?/g)].flatMap(
      ([, name, matchers = '']) => {
        const labels = known.get(name!)
        if (!labels) return [`${name} in ${query}`]
        const asked = [...matchers.matchAll(/(\w+)(?:=~?|!=|!~)"/g)].map(([, label]) => label!)
        const unknown = asked.filter((label) => !['job', 'instance', ...labels].includes(label))
        return unknown.map((label) => `${name}{${label}} in ${query}`)
      },
    ),
  )
  expect(wrong).toEqual([])
})

describe.skipIf(skipWithoutPromtool('the queries of the dashboard'))('each query of the dashboard', () => {
  test('is one that Prometheus takes', () => {
    const directory = mkdtempSync(join(tmpdir(), 'patroneos-queries-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const rules = queries
      .filter((query) => !query.startsWith('label_values('))
      .map((query) => query.replaceAll(/\$__(?:rate_)?interval/g, '5m'))
      .map((expr, at) => ({ record: `query_${at}`, expr }))
    const path = join(directory, 'queries.yml')
    // JSON is YAML as well.
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'queries', rules }] }))
    expect(promtool('check', 'rules', path)).toMatchObject({ status: 0 })
  })
})

test('no two panels share an id, and none overlaps', () => {
  for (const { panels } of dashboards) {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const taken = new Set<string>()
    for (const { gridPos, title } of panels as unknown as {
      gridPos: Record<'x' | 'y' | 'w' | 'h', number>
      title: string
    }[]) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), title).toBe(false)
          taken.add(`${x} ${y}`)
        }
    }
  }
})

describe("Grafana's provisioning", () => {
  const provisioned = (file: string) =>
    parse(read(`grafana/provisioning/${file}`)) as Record<string, Record<string, unknown>[]>
  const compose = parse(read('../../docker-compose.yml'), { merge: true }).services.grafana as {
    environment: Record<string, string>
    volumes: string[]
  }
  const mounts = new Map(
    compose.volumes.map((one) => one.split(':').slice(0, 2).toReversed() as [string, string]),
  )

  // grafana.com/docs/grafana/latest/administration/provisioning
  test('has no keys but those that Grafana documents', () => {
    const keys = (entries: Record<string, unknown>[]) =>
      new Set(entries.flatMap((entry) => Object.keys(entry)))
    const { apiVersion, datasources, ...others } = provisioned('datasources/prometheus.yml')
    expect({ apiVersion, others }).toEqual({ apiVersion: 1, others: {} })
    expect(keys(datasources!)).toEqual(new Set(['name', 'uid', 'type', 'access', 'url', 'isDefault']))
    const { providers } = provisioned('dashboards/patroneos.yml')
    expect(keys(providers!)).toEqual(new Set(['name', 'type', 'options']))
  })

  test('is mounted where Grafana looks, and names what is mounted', () => {
    expect(mounts.get('/etc/grafana/provisioning')).toBe('./docker/observability/grafana/provisioning')
    const [provider] = provisioned('dashboards/patroneos.yml').providers!
    const { path } = provider!.options as { path: string }
    expect(mounts.get(path)).toBe('./docker/observability/grafana/dashboards')
    expect(readdirSync(file('grafana/dashboards'))).toContain(
      compose.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!.replace(`${path}/`, ''),
    )
  })
})

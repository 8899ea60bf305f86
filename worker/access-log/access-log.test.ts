// Which requests a real filter writes to its access log, and where the lines go.

import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { edgeConfigSchema, filterConfigSchema } from '../../shared/config/filter.ts'
import { parseConfig } from '../../shared/config/parse.ts'
import { createLogger } from '../../shared/logger.ts'
import { startBun, startDeno, startNode } from '../runtimes/testing/runtimes.ts'
import { ask, startBoth } from '../testing/harness.ts'
import { answerWith } from '../testing/nodeos-stand-in.ts'
import { openAccessLog } from './output.ts'

const GOOD = { target: '/v1/chain/get_account', body: '{}' }
const BAD = { target: '/v1/chain/push_transaction', body: '{' }
const requestsOf = (lines: readonly string[]) =>
  lines.map((line) => /"(.*?)" (\d+)/.exec(line)!.slice(1).join(' '))

describe('the access log', () => {
  test('is off unless it is asked for', async () => {
    const { filter } = await startBoth()
    await ask(filter.port, GOOD)
    await ask(filter.port, BAD)
    expect(filter.accesses).toEqual([])
  })

  test('has violations, or all requests; not the filter’s own paths', async () => {
    const { filter } = await startBoth({ accessLog: { log: 'violations' } })
    const askAll = async () => {
      for (const request of [GOOD, BAD, { target: '/patroneos/health' }]) await ask(filter.port, request)
    }
    await askAll()
    expect(requestsOf(filter.accesses)).toEqual(['POST /v1/chain/push_transaction HTTP/1.1 400'])
    filter.configure({ accessLog: { log: 'all' } })
    filter.accesses.length = 0
    await askAll()
    expect(requestsOf(filter.accesses)).toEqual([
      'POST /v1/chain/get_account HTTP/1.1 200',
      'POST /v1/chain/push_transaction HTTP/1.1 400',
    ])
  })

  test('has failed transactions and what was only watched among the violations, and not nodeos’s trouble', async () => {
    const accessLog = { log: 'violations', format: 'ecs' }
    const { filter } = await startBoth(
      { mode: 'monitor', accessLog },
      answerWith(500, { error: { code: 3050003 } }),
    )
    await ask(filter.port, GOOD)
    await ask(filter.port, BAD)
    expect(filter.accesses.map((line) => JSON.parse(line))).toMatchObject([
      {
        event: { code: 'INVALID_JSON', type: ['access'] },
        http: { response: { status_code: 500 } },
        patroneos: { outcome: 'failed' },
      },
    ])
  })

  test('has what was no request', async () => {
    const { filter } = await startBoth({ accessLog: { log: 'violations' } })
    const socket = connect(filter.port, '127.0.0.1')
    socket.write('nonsense\r\n\r\n')
    await expect.poll(() => filter.accesses.length).toBe(1)
    expect(filter.accesses[0]).toMatch(/^127\.0\.0\.1 - - \[.*\] "" 400 \d+ "-" "-"\n$/)
    socket.destroy()
  })
})

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'patroneos-access-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

describe('its output', () => {
  const said: string[] = []
  const logger = createLogger({ readable: false, write: (line) => said.push(line) })
  const all = { log: 'all', format: 'combined' } as const

  test('goes to another file when the configuration says so, and no line is lost', async () => {
    const directory = temporaryDirectory()
    const [first, second] = [join(directory, 'a'), join(directory, 'b')]
    const printed: string[] = []
    const output = await openAccessLog({ ...all, file: first }, logger, (text) => printed.push(text))
    output.write('1\n')
    output.configure({ ...all, file: second })
    output.configure({ ...all, file: '' })
    output.configure({ ...all, file: join(directory, 'none/such') })
    await expect.poll(() => said.length).toBe(1)
    output.write('2\n')
    await output.close()
    expect([readFileSync(first, 'utf8'), readFileSync(second, 'utf8'), printed]).toEqual(['1\n', '', ['2\n']])
    expect(said[0]).toContain('it stays where it is')
  })

  test('loses lines rather than to wait for a disk that is full, and counts them', async () => {
    const output = await openAccessLog({ ...all, file: '/dev/full' }, logger, () => {})
    said.length = 0
    output.write('1\n')
    output.write('2\n')
    await expect.poll(() => output.lost()).toBe(2)
    expect(said).toHaveLength(1)
    expect(said[0]).toContain('no space left on device')
    await output.close()
  })

  test('makes no file where nothing is logged, and refuses to start where there can be none', async () => {
    const file = join(temporaryDirectory(), 'none/such')
    const output = await openAccessLog({ ...all, log: 'off', file }, logger, () => {})
    await output.close()
    await expect(openAccessLog({ ...all, file }, logger, () => {})).rejects.toThrow(
      `cannot open the access log ${file}`,
    )
  })
})

describe.each(Object.entries({ Node: startNode, Bun: startBun, Deno: startDeno }))(
  'on %s',
  (_name, start) => {
    test('a file is opened again after a rotation, on SIGHUP', async () => {
      const file = join(temporaryDirectory(), 'access.log')
      const filter = await start({
        config: { nodeosPort: 1, accessLog: { log: 'all', file } },
        relaySecret: '',
      })
      onTestFinished(() => filter.stop())
      const lines = (path: string) => requestsOf(readFileSync(path, 'utf8').trim().split('\n'))
      await ask(filter.port, { target: '/a' })
      await expect.poll(() => readFileSync(file, 'utf8')).not.toBe('')
      renameSync(file, `${file}.1`)
      filter.child.kill('SIGHUP')
      await expect.poll(() => filter.log()).toContain('SIGHUP')
      await ask(filter.port, { target: '/b' })
      await expect.poll(() => lines(file)).toEqual(['GET /b HTTP/1.1 403'])
      expect(lines(`${file}.1`)).toEqual(['GET /a HTTP/1.1 403'])
    })
  },
)

test.each([
  [
    'a file where there are none',
    edgeConfigSchema,
    { file: '/var/log/a' },
    'found "/var/log/a"; allowed: "", which',
  ],
  [
    'the file of fail2ban',
    filterConfigSchema,
    { file: './fail2ban.log' },
    'allowed: another file than logFileLocation',
  ],
  ['a word that is none', filterConfigSchema, { log: 'some' }, 'allowed: "off", "violations" or "all"'],
])('the configuration refuses %s', (_what, schema, accessLog, message) => {
  const parsed = parseConfig(schema, { accessLog })
  const [issue] = 'issues' in parsed ? parsed.issues : []
  expect(`${issue?.path}: found ${issue?.found}; allowed: ${issue?.allowed}`).toContain(message)
})

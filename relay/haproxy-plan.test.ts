import { describe, expect, it } from 'vitest'
import { commandsOf, type PlanInput, planRound, type Server } from './haproxy-plan.ts'

const a = '10.0.0.1:8081'
const b = '10.0.0.2:8081'
const now = 1_000_000

const server = (address: string, changes: Partial<Server> = {}): Server => ({
  name: address.replace(':', '-'),
  address,
  status: 'UP',
  check: 'L7OK',
  sessions: 0,
  ...changes,
})

const plan = (addresses: string[], servers: Server[], draining: [string, number][] = []) =>
  planRound({
    wanted: new Map(addresses.map((address) => [address, `http://${address}`])),
    servers,
    drainingSince: new Map(draining),
    now,
    drainTime: 30_000,
  } satisfies PlanInput)

const kinds = ({ steps }: ReturnType<typeof plan>) => steps.map(({ kind, name }) => `${kind} ${name}`)

describe('a plan', () => {
  it('does nothing where HAProxy has what it should have', () => {
    const { steps, problems, settled } = plan([a, b], [server(a), server(b)])
    expect([steps, problems.size, settled]).toEqual([[], 0, true])
  })

  it('adds what is missing, which is a problem until it takes traffic', () => {
    const found = plan([a, b], [server(a)])
    expect(kinds(found)).toEqual(['add 10.0.0.2-8081'])
    expect(found.problems).toEqual(new Map([[`http://${b}`, 'not checked yet']]))
    expect(found.settled).toBe(false)
  })

  it('names a server of an IPv6 address by the address without brackets', () => {
    expect(kinds(plan(['[2001:db8::1]:8081'], []))).toEqual(['add 2001:db8::1-8081'])
  })

  it.each<[string, Partial<Server>, string[], string | undefined]>([
    ['drains and is healthy', { status: 'DRAIN', check: 'L7OK' }, ['enable 10.0.0.1-8081'], undefined],
    ['drains and is not checked yet', { status: 'DRAIN', check: '' }, [], 'not checked yet'],
    ['is in maintenance', { status: 'MAINT', check: 'L7OK' }, ['check 10.0.0.1-8081'], 'not checked yet'],
    ['is down', { status: 'DOWN', check: 'L4CON' }, [], 'health check failed (L4CON)'],
    ['is not checked by its own wish', { status: 'no check', check: '' }, [], undefined],
    ['is on its way up', { status: 'UP 1/2', check: 'L7OK' }, [], undefined],
  ])('of a wanted server that %s', (_case, changes, steps, problem) => {
    const found = plan([a], [server(a, changes)])
    expect(kinds(found)).toEqual(steps)
    expect(found.problems.get(`http://${a}`)).toBe(problem)
    expect(found.settled).toBe(problem === undefined)
  })

  it('keeps what is not wanted while nothing that is wanted takes traffic', () => {
    const found = plan([a], [server(a, { status: 'DOWN', check: 'L4CON' }), server(b)])
    expect(found.steps).toEqual([])
    expect(found.problems.get('HAProxy')).toMatch(/^no listed filter takes traffic yet/)
  })

  it('drains what is not wanted, as soon as a wanted one is about to take traffic', () => {
    const found = plan([a], [server(a, { status: 'DRAIN' }), server(b)])
    expect(kinds(found)).toEqual(['enable 10.0.0.1-8081', 'drain 10.0.0.2-8081'])
  })

  it.each([
    ['waits while requests are under way', 1, 1_000, []],
    ['removes when none is', 0, 1_000, [{ kind: 'remove', force: false }]],
    ['cuts off what takes longer than it may', 1, 30_001, [{ kind: 'remove', force: true }]],
  ])('of a drained server %s', (_case, sessions, since, steps) => {
    const found = plan([a], [server(a), server(b, { sessions })], [['10.0.0.2-8081', now - since]])
    expect(found.steps).toMatchObject(steps)
    expect(found.steps).toHaveLength(steps.length)
  })
})

describe('the commands of a step', () => {
  const at = { name: 'a', address: a, endpoint: `http://${a}` }
  it.each([
    [
      { kind: 'add', ...at },
      [
        `add server filters/a ${a} check inter 1s fall 2 rise 1`,
        'enable health filters/a',
        'set server filters/a state drain',
      ],
    ],
    [{ kind: 'check', name: 'a' }, ['enable health filters/a', 'set server filters/a state drain']],
    [{ kind: 'enable', ...at }, ['set server filters/a state ready']],
    [{ kind: 'drain', ...at }, ['set server filters/a state drain']],
    [{ kind: 'remove', ...at, force: false }, ['set server filters/a state maint', 'del server filters/a']],
    [
      { kind: 'remove', ...at, force: true },
      ['set server filters/a state maint', 'shutdown sessions server filters/a', 'del server filters/a'],
    ],
  ] as const)('%j', (step, commands) => {
    expect(commandsOf(step, 'filters')).toEqual(commands)
  })
})

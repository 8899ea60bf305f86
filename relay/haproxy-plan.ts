// Compares the servers that HAProxy has with those it should have, and plans the steps between. Pure.

/** A server of the backend: one line of `show stat`. */
export interface Server {
  name: string
  /** address:port, as HAProxy writes it: an IPv6 address in brackets. */
  address: string
  status: string
  /** Result of its last health check; "" before the first. */
  check: string
  /** Sessions under way and waiting. */
  sessions: number
}

export type Step =
  /** A new server. It drains until its health check says otherwise: HAProxy takes a new server for healthy. */
  | { kind: 'add'; name: string; address: string; endpoint: string }
  /** A server in maintenance is checked again; it drains meanwhile. */
  | { kind: 'check'; name: string }
  /** A healthy server takes traffic. */
  | { kind: 'enable'; name: string; address: string; endpoint: string }
  /** A server that is no longer wanted takes no new traffic. */
  | { kind: 'drain'; name: string; address: string }
  /** A drained server goes; `force` cuts off what is still under way. */
  | { kind: 'remove'; name: string; address: string; force: boolean }

export interface Plan {
  steps: Step[]
  /** What keeps a filter from taking traffic, by endpoint or "HAProxy". */
  problems: Map<string, string>
  /** All is as it should be once the steps are done. */
  settled: boolean
}

export interface PlanInput {
  /** address:port of every filter that should serve, with the endpoint it belongs to. */
  wanted: ReadonlyMap<string, string>
  servers: readonly Server[]
  /** Unix times in milliseconds since which unwanted servers drain, by name. */
  drainingSince: ReadonlyMap<string, number>
  /** Unix time in milliseconds. */
  now: number
  /** Milliseconds that requests on a removed server may take before they are cut off. */
  drainTime: number
}

export function planRound(input: PlanInput): Plan {
  const { wanted, servers } = input
  const steps: Step[] = []
  const problems = new Map<string, string>()
  const serving = new Set<string>()

  for (const [address, endpoint] of wanted) {
    const server = servers.find((each) => each.address === address)
    if (!server) {
      steps.push({ kind: 'add', name: serverName(address), address, endpoint })
      problems.set(endpoint, 'not checked yet')
      continue
    }
    const { step, problem } = planWanted(server, endpoint)
    if (step) steps.push(step)
    if (problem === undefined) serving.add(address)
    else problems.set(endpoint, problem)
  }

  const unwanted = servers.filter(({ address }) => !wanted.has(address))
  // The old filters stay until a new one takes traffic: better a removed filter than none.
  if (serving.size > 0) steps.push(...unwanted.flatMap((server) => planUnwanted(server, input)))
  else if (unwanted.length > 0)
    problems.set('HAProxy', 'no listed filter takes traffic yet; the ones in use are kept until then')
  return { steps, problems, settled: serving.size === wanted.size && problems.size === 0 }
}

/** No problem: it takes traffic once the step is done. */
function planWanted({ name, address, status, check }: Server, endpoint: string) {
  if (isServing(status)) return {}
  if (status.startsWith('DRAIN') && check.startsWith('L7OK'))
    return { step: { kind: 'enable', name, address, endpoint } as const }
  if (status.startsWith('MAINT'))
    return { step: { kind: 'check', name } as const, problem: 'not checked yet' }
  return { problem: status === 'DRAIN' ? 'not checked yet' : `health check failed (${check})` }
}

function planUnwanted(
  { name, address, sessions }: Server,
  { drainingSince, now, drainTime }: PlanInput,
): Step[] {
  const since = drainingSince.get(name)
  if (since === undefined) return [{ kind: 'drain', name, address }]
  const force = now - since > drainTime
  return sessions > 0 && !force ? [] : [{ kind: 'remove', name, address, force }]
}

export function isServing(status: string): boolean {
  return status.startsWith('UP') || status === 'no check'
}

/** A name that HAProxy accepts, and that says where the filter is. */
function serverName(address: string): string {
  return address.replace(/^\[(.*)\]:(\d+)$/, '$1-$2').replace(/^([\d.]+):(\d+)$/, '$1-$2')
}

/** The commands of the Runtime API that carry a step out ("Unix Socket commands" in HAProxy's management guide). */
export function commandsOf(step: Step, backend: string): string[] {
  const server = `${backend}/${step.name}`
  switch (step.kind) {
    case 'add':
      return [
        // default-server lines do not apply to servers added here, so the check is spelled out.
        `add server ${server} ${step.address} check inter 1s fall 2 rise 1`,
        `enable health ${server}`,
        `set server ${server} state drain`,
      ]
    case 'check':
      return [`enable health ${server}`, `set server ${server} state drain`]
    case 'enable':
      return [`set server ${server} state ready`]
    case 'drain':
      return [`set server ${server} state drain`]
    case 'remove':
      return [
        `set server ${server} state maint`,
        ...(step.force ? [`shutdown sessions server ${server}`] : []),
        // Refused while a connection lingers; then the next round asks again.
        `del server ${server}`,
      ]
  }
}

// What programs that import the package rely on, as types; compiled against what is packed.
import {
  type Address,
  createFilter,
  createJudge,
  createWebPlatform,
  decodeTransaction,
  type FilterConfig,
  filterConfigSchema,
  type ParsedConfig,
  parseConfig,
  type ReadableTransaction,
  type RequestFacts,
  relayConfigSchema,
  type Verdict,
  type Violation,
  type ViolationCode,
  violations,
} from 'patroneos'
import schema from 'patroneos/config.schema.json' with { type: 'json' }
import { createSocketPlatform, type listenOnSocket, nodeSockets, type SocketRequest } from 'patroneos/node'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <T extends true>(): T | undefined => undefined

const parsed: ParsedConfig<FilterConfig> = parseConfig(filterConfigSchema, {})
if ('issues' in parsed) throw new Error(parsed.issues[0]?.allowed)
const { config } = parsed
holds<Equal<FilterConfig['mode'], 'enforce' | 'monitor'>>()
holds<Equal<typeof config.maxSignatures, number>>()
// @ts-expect-error There is no such key.
config.maxSignature
// @ts-expect-error The relay's.
config.allowUnsigned
const relay = parseConfig(relayConfigSchema, {})
if ('config' in relay) holds<Equal<typeof relay.config.allowUnsigned, boolean>>()

const platform = createWebPlatform(() => config, { sharesAnswers: true })
const filter = createFilter({ config: () => config, platform, ...({} as Rest) })
type Rest = Omit<Parameters<typeof createFilter<RequestFacts>>[0], 'config' | 'platform'>
const answer: Response | Promise<Response> = filter.app.fetch(new Request('http://x'), { peer: '192.0.2.1' })
// @ts-expect-error A request has a peer.
filter.app.fetch(new Request('http://x'), { per: '192.0.2.1' } satisfies RequestFacts)

const verdict: Verdict = createJudge(config).whole(
  { method: 'GET', target: '/', headers: [] },
  new Uint8Array(),
)
const violation: Violation | undefined = verdict.violation
const code: ViolationCode | undefined = violation?.code
const status: number = violations.BANNED.status
const transaction: ReadableTransaction | undefined = decodeTransaction(new Uint8Array())
const id: string | undefined = transaction?.id
const address = '192.0.2.1' as Address

const sockets = createSocketPlatform(() => config, nodeSockets)
holds<Equal<ReturnType<typeof listenOnSocket> extends Promise<{ address: string }> ? true : false, true>>()
holds<Equal<Parameters<typeof listenOnSocket>[0]['app'] extends { fetch: unknown } ? true : false, true>>()
export type Served = SocketRequest
export const all = [answer, code, status, id, address, sockets, schema.title]

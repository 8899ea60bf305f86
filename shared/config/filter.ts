// The configuration of the filter: every key with its default, what is allowed, and its meaning.
import * as v from 'valibot'
import { plainPath } from '../paths.ts'
import type { StrikeClass } from '../violations.ts'
import { accessLogKeys } from './access-log.ts'
import { addressListKeys } from './address-lists.ts'
import { common } from './common.ts'
import { fairnessKeys } from './fairness.ts'
import { edgeMistakes, filterMistakes, without } from './mistakes.ts'
import { nodeKeys } from './nodes.ts'
import { rateLimitKeys } from './rate-limits.ts'
import { tableRowsKeys } from './table-rows.ts'
import {
  accountName,
  actionName,
  cidr,
  corsOrigin,
  endpoint,
  flag,
  integer,
  key,
  list,
  map,
  nameList,
  port,
  section,
  text,
} from './values.ts'

/** Violations within findTime that bring a ban, by class; those that are common mistakes too are allowed more of. */
const retries = (fallback: number) => v.optional(integer(0, 100, 'violations; 0 is never'), fallback)
const maxRetry: Record<StrikeClass, ReturnType<typeof retries>> = {
  malformed: retries(3),
  signatures: retries(3),
  contracts: retries(3),
  size: retries(3),
  batch: retries(3),
  endpoints: retries(20),
  reads: retries(20),
  failed: retries(20),
}

const bans = v.strictObject(
  {
    findTime: v.optional(integer(1, 86_400, 'seconds'), 60),
    maxRetry: v.optional(
      v.strictObject(maxRetry, `an object with any of ${Object.keys(maxRetry).join(', ')}`),
      {},
    ),
    banTime: v.optional(integer(1, 31_536_000, 'seconds'), 300),
    maxBanTime: v.optional(integer(1, 31_536_000, 'seconds'), 604_800),
  },
  'an object with findTime, maxRetry, banTime and maxBanTime, or null',
)
const WORKERS = 'a whole number from 1 to 256, or "auto"'

const READ = 'an exact path of a call that carries no transaction, such as /v1/chain/get_info'
const readPath = text(
  READ,
  (value) =>
    plainPath.test(value) &&
    !value.endsWith('/') &&
    !value.startsWith('/patroneos/') &&
    !/\/(?:push|send|compute)_/.test(value),
)
const LIFETIME = 'seconds from 0 to 86400, as in 0.5; 0 is off'
const lifetime = v.pipe(v.number(LIFETIME), v.minValue(0, LIFETIME), v.maxValue(86_400, LIFETIME))

const REPEATS = 'seconds from 0 to 3600, as in 0.5; 0 is off'

const cache = v.strictObject(
  {
    maxBytes: v.optional(integer(0, 17_179_869_184, 'bytes; 0 is off'), 16_777_216),
    paths: v.optional(map(readPath, lifetime, 'an object such as {"/v1/chain/get_info": 0.5}'), {
      '/v1/chain/get_info': 0.5,
    }),
  },
  'an object with maxBytes and paths',
)

/** When the filter itself bans a client. */
export type BanPolicy = v.InferOutput<typeof bans>

const filterObject = v.strictObject(
  {
    ...common,
    listenPort: key(port, '8081', 'Port to listen on'),
    configListenPort: key(port, '9001', 'Port of the config listener'),
    workers: key(
      v.union([v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256)), v.literal('auto')], WORKERS),
      1,
      'Processes that serve the port (Node); "auto" is one for each core; limits on connections and on held bytes are for each',
    ),
    mode: key(
      v.picklist(['enforce', 'monitor'], '"enforce" or "monitor"'),
      'enforce',
      '"monitor" judges, counts and logs, but forwards everything and reports nothing to relays',
    ),
    trustedProxies: key(
      list(cidr, 'a list of CIDRs'),
      ['127.0.0.0/8', '::1/128'],
      'CIDRs whose X-Forwarded-For is believed; the client is the rightmost address outside of them',
    ),
    ...addressListKeys,
    endpoints: key(
      section(
        {
          allow: v.optional(list(endpoint, 'a list of paths'), [
            '/v1/chain/*',
            '/v1/history/*',
            '/v1/trace_api/*',
            '/v1/node/get_supported_apis',
            '/v2/chain/send_transaction',
          ]),
          deny: v.optional(list(endpoint, 'a list of paths'), ['/v1/chain/push_block']),
        },
        'an object with the lists allow and deny',
      ),
      {},
      'Paths that are served; deny beats allow; exact, or everything below with /*',
    ),
    maxBodySize: key(integer(0, 104_857_600, 'bytes'), 2_097_152, 'Bytes of a request body'),
    maxInflatedSize: key(
      integer(0, 104_857_600, 'bytes'),
      2_097_152,
      'Bytes that the compressed transactions of one request may inflate to in all',
    ),
    maxJsonDepth: key(integer(1, 1000), 100, 'Levels of nesting in the JSON of a body'),
    maxAuthorizations: key(
      integer(0, 1_000_000),
      0,
      'Authorizations per transaction, over all its actions; 0 is unlimited',
    ),
    maxActions: key(
      integer(0, 1_000_000),
      0,
      'Actions per transaction, context-free ones included; 0 is unlimited',
    ),
    actionBlackList: key(
      nameList(actionName, 'contract::action'),
      {},
      'Actions that are rejected, as {"contract::action": true}',
    ),
    authorizerBlackList: key(
      nameList(accountName, 'account'),
      {},
      'Accounts whose authorization is rejected, as {"account": true}',
    ),
    contractAllowList: key(
      nameList(accountName, 'contract'),
      {},
      'When not empty, the only contracts whose actions pass, as {"name": true}',
    ),
    maxTransactionLifetime: key(
      integer(0, 4_294_967_295, 'seconds; 0 is off'),
      3600,
      'Seconds from now that a transaction may expire at most, as on the chain (max_transaction_lifetime); what expired more than 10 s ago is rejected as well; 0 is off for both',
    ),
    repeats: key(
      v.pipe(v.number(REPEATS), v.minValue(0, REPEATS), v.maxValue(3600, REPEATS)),
      2,
      'Seconds for which the very same transaction, sent again after it failed, gets the same answer without asking nodeos, as a further failure; while it is under way, all who send it wait for its answer; 0 is off for both',
    ),
    unpackedTransactions: key(
      v.picklist(['reject', 'inspect'], '"reject" or "inspect"'),
      'reject',
      'Unpacked transactions on transaction endpoints: rejected, or judged and forwarded rebuilt',
    ),
    ...nodeKeys,
    ...fairnessKeys,
    ...rateLimitKeys,
    ...tableRowsKeys,
    nodeosTimeout: key(integer(1, 3600, 'seconds'), 30, "Seconds until the head of nodeos's response"),
    transactionRetryTimeout: key(
      integer(1, 3600, 'seconds'),
      300,
      'The same for a transaction with retry_trx, which nodeos answers when it is in a block; requestTimeout does not end it',
    ),
    maxRetriesPerClient: key(
      integer(0, 1_000_000),
      16,
      'Transactions with retry_trx of one address, or one IPv6 /64, that may wait at one time',
    ),
    nodeosBodyTimeout: key(
      integer(1, 3600, 'seconds'),
      30,
      "Seconds that nodeos's response body may stand still (not at the edge)",
    ),
    maxHeaderSize: key(
      integer(1024, 1_048_576, 'bytes'),
      16_384,
      'Bytes of a request head (not at the edge)',
    ),
    maxHeaders: key(integer(1, 10_000), 100, 'Header lines of a request'),
    headTimeout: key(
      integer(1, 3600, 'seconds'),
      10,
      'Seconds for a request head to arrive (not at the edge)',
    ),
    bodyTimeout: key(integer(1, 3600, 'seconds'), 15, 'Seconds for a request body to arrive'),
    keepAliveTimeout: key(
      integer(1, 3600, 'seconds'),
      60,
      'Seconds that a connection may be idle between requests (not at the edge)',
    ),
    requestTimeout: key(
      integer(1, 3600, 'seconds'),
      120,
      'Seconds from the end of a request to the end of its response; 504 where that was not begun (not at the edge)',
    ),
    maxConnections: key(
      integer(1, 1_000_000),
      10_000,
      'Open connections in all, and requests under way (not at the edge)',
    ),
    maxConnectionsPerClient: key(
      integer(1, 1_000_000),
      256,
      'Open connections of one address or one IPv6 /64; trusted proxies are free of it (not at the edge)',
    ),
    maxBufferedBytes: key(
      integer(0, 17_179_869_184, 'bytes'),
      67_108_864,
      'Bytes of all request bodies held at one time',
    ),
    maxBufferedBytesPerClient: key(
      integer(0, 17_179_869_184, 'bytes'),
      8_388_608,
      'Bytes of the request bodies of one address, or one IPv6 /64, held at one time',
    ),
    cache: key(
      cache,
      {},
      'Reads that are answered from memory, with the seconds for which, in maxBytes at most; calls for a block are kept only when it is irreversible',
    ),
    corsAllowOrigin: key(
      corsOrigin,
      '',
      'Origin whose web pages may read every response, as "*" or "https://wallet.example"; preflights are then answered by the filter; "" takes over what nodeos allows',
    ),
    ...accessLogKeys,
    logSuccess: key(flag, false, 'Report successes to the relays too'),
    store: key(
      v.picklist(['memory', 'redis'], '"memory" or "redis"'),
      'memory',
      'Where limits and bans are counted: "redis" has all filters with one PATRONEOS_REDIS_URL share them (not at the edge)',
    ),
    storePrefix: key(
      text('1 to 32 of A-Z, a-z, 0-9, . _ and -', (value) => /^[\w.-]{1,32}$/.test(value)),
      'patroneos',
      'What the names of keys and channels in Redis begin with: another one for each chain',
    ),
    bans: key(
      v.nullable(bans),
      null,
      'The filter\'s own bans, for setups without fail2ban: {"findTime":60,"banTime":300,"maxBanTime":604800} bans for banTime seconds after maxRetry violations of a class (0 is never) within findTime, twice as long each time; null is none',
    ),
  },
  'a JSON object of configuration keys',
)

export type FilterConfig = v.InferOutput<typeof filterObject>

export const filterConfigSchema = v.pipe(filterObject, without(filterMistakes))

/** For runtimes without files. */
export const edgeConfigSchema = v.pipe(filterObject, without(filterMistakes), without(edgeMistakes))

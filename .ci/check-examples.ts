// A request for every code, and what `patroneos check` says of it: an operator who meets a code sees an example.
import { stripVTControlCharacters } from 'node:util'
import { PackedTransaction } from '@wharfkit/antelope'
import { checkArgument } from '../cli/commands/check.ts'
import { INVALID_READ, type ViolationCode, violations } from '../shared/violations.ts'
import { type ActionSpec, signWithWharfkit, transfer } from '../worker/testing/clients.ts'

interface CheckExample {
  what: string
  /** The request, as it stands on the command line. */
  request: string
  /** The configuration; the defaults where it is not given. */
  config?: object
}

/** Of a key that was thrown away; nobody looks at more than how many there are. */
const SIGNATURE =
  'SIG_K1_KXkq4erfKq6pgZoq5iii22rLPhZZ3mNQL412cKpZ1gSJG4BvM28V1tPPrqHMhruiCRCKZL76xfU27bVi4SmRLnFLgJKpWH'

const TIME = '2026-11-23T16:20:11Z'

function push(actions: ActionSpec[], more: object = {}): string {
  const { packed_trx } = JSON.parse(
    JSON.stringify(
      PackedTransaction.fromSigned(signWithWharfkit({ actions, expiration: '2026-11-23T16:20:41' }), 0),
    ),
  )
  const body = { signatures: [SIGNATURE], compression: 'none', packed_context_free_data: '', packed_trx }
  return JSON.stringify({
    path: '/v1/chain/send_transaction',
    body: { ...body, ...more },
    from: '203.0.113.9',
    time: TIME,
  })
}

const curl = (path: string, rest = '') => `curl http://api/v1/${path}${rest === '' ? '' : ` ${rest}`}`
const one = [transfer('alice', 'bob')]
const two = [transfer('alice', 'bob'), transfer('alice', 'carol')]

const examples: Readonly<Record<ViolationCode, CheckExample | string>> = {
  INVALID_HTTP: {
    what: 'HTTP text without a Host',
    request: 'GET /v1/chain/get_info HTTP/1.1\nAccept: */*\n',
  },
  INVALID_JSON: {
    what: 'A body that breaks off',
    request: curl('chain/send_transaction', `-d '{"signatures": ['`),
  },
  PARSE_ERROR: {
    what: 'JSON that is no transaction',
    request: curl('chain/send_transaction', '-d {}'),
  },
  TOO_MANY_TRANSACTIONS: {
    what: 'Three transactions where two are allowed',
    request: curl('chain/push_transactions', "-d '[{}, {}, {}]'"),
    config: { maxTransactions: 2 },
  },
  INVALID_TRANSACTION_SIZE: {
    what: 'A transaction that is larger than is allowed',
    request: push(one),
    config: { maxTransactionSize: 64 },
  },
  INVALID_NUMBER_SIGNATURES: {
    what: 'Two signatures where one is allowed',
    request: push(one, { signatures: [SIGNATURE, SIGNATURE] }),
    config: { maxSignatures: 1 },
  },
  BLACKLISTED_CONTRACT: {
    what: 'An action on a blacklisted contract',
    request: push(one),
    config: { contractBlackList: { 'eosio.token': true } },
  },
  BLACKLISTED_ACTION: {
    what: 'A blacklisted action of a contract',
    request: push(one),
    config: { actionBlackList: { 'eosio.token::transfer': true } },
  },
  BLACKLISTED_AUTHORIZER: {
    what: 'The authority of a blacklisted account',
    request: push(one),
    config: { authorizerBlackList: { alice: true } },
  },
  BLACKLISTED_TABLE: {
    what: 'A read of a blacklisted table',
    request: curl('chain/get_table_rows', `-d '{"code": "eosio", "scope": "eosio", "table": "voters"}'`),
    config: { tableRows: { blackList: { 'eosio::voters': true } } },
  },
  TABLE_LIMIT: {
    what: 'More rows at one time than are allowed',
    request: curl(
      'chain/get_table_rows',
      `-d '{"code": "eosio", "scope": "eosio", "table": "voters", "limit": 5000}'`,
    ),
    config: { tableRows: { maxLimit: 1000 } },
  },
  TOO_MANY_ACTIONS: {
    what: 'Two actions where one is allowed',
    request: push(two),
    config: { maxActions: 1 },
  },
  TOO_MANY_AUTHORIZATIONS: {
    what: 'Two authorizations where one is allowed',
    request: push(two),
    config: { maxAuthorizations: 1 },
  },
  UNPACKED_TRANSACTION: {
    what: 'A transaction that is not packed',
    request: JSON.stringify({
      path: '/v1/chain/send_transaction',
      body: {
        signatures: [SIGNATURE],
        compression: 'none',
        transaction: {
          expiration: '2026-11-23T16:20:41',
          actions: [
            {
              account: 'eosio.token',
              name: 'transfer',
              authorization: [{ actor: 'alice', permission: 'active' }],
              data: '00',
            },
          ],
        },
      },
      time: TIME,
    }),
  },
  EMPTY_TRANSACTION: { what: 'A transaction without an action', request: push([]) },
  EXPIRED_TRANSACTION: {
    what: 'A transaction a minute after its time',
    request: push(one).replace(TIME, '2026-11-23T16:21:41Z'),
  },
  BODY_TOO_LARGE: {
    what: 'A body that is larger than is allowed',
    request: curl('chain/get_block', `-d '{"block_num_or_id": 12345}'`),
    config: { maxBodySize: 16 },
  },
  ENDPOINT_NOT_ALLOWED: { what: 'A path that is not served', request: curl('producer/pause') },
  METHOD_NOT_ALLOWED: { what: 'A method that is not served', request: curl('chain/get_info', '-X PUT') },
  TOO_MANY_HEADERS: {
    what: 'More header lines than are allowed',
    request: curl('chain/get_info', `-H 'a: 1' -H 'b: 2' -H 'c: 3'`),
    config: { maxHeaders: 3 },
  },
  UNSUPPORTED_ENCODING: {
    what: 'A body with a Content-Encoding',
    request: curl('chain/get_block', `-H 'content-encoding: gzip' -d '{"block_num_or_id": 1}'`),
  },
  BLOCKED_ADDRESS: {
    what: 'An address on a block list',
    request: JSON.stringify({ path: '/v1/chain/get_info', from: '203.0.113.9' }),
    config: { ipBlockList: ['203.0.113.0/24'] },
  },
  RATE_LIMITED:
    'depends on the requests before: `check` names the limits in which a request counts, and `patroneos replay` judges them over a log',
  BANNED:
    'is known to a filter that runs: `patroneos check --server` has it for whoever is banned there, and `patroneos replay` for whoever a log would have banned',
  REQUEST_TIMEOUT: 'is a matter of how fast a request arrives',
  OVERLOADED: 'is a matter of what else is under way',
  NODEOS_REQUEST_NOT_CREATED: 'comes of asking nodeos, which `check` does not',
  NODEOS_UNREACHABLE: 'comes of asking nodeos, which `check` does not',
  NODEOS_TIMEOUT: 'comes of asking nodeos, which `check` does not',
}

const invalidRead: CheckExample = {
  what: 'The same of a call that carries no transaction',
  request: curl('chain/get_block', `-d '{"block_num_or_id": '`),
}

/** The parts of the page, a code each, then those that it cannot have. */
export async function checkParts(): Promise<string[]> {
  const parts: string[] = []
  const others: string[] = []
  for (const code of Object.keys(violations) as ViolationCode[]) {
    const example = examples[code]
    if (typeof example === 'string') {
      others.push(`- \`${code}\` ${example}.`)
      continue
    }
    parts.push(`## ${code}`, ...(await partsOf(example, code)))
    if (code === 'INVALID_JSON') parts.push(...(await partsOf(invalidRead, `Reported as ${INVALID_READ}`)))
  }
  return [...parts, '## Codes that it cannot give', others.join('\n')]
}

/** `said` is what the output must have. */
async function partsOf({ what, request, config }: CheckExample, said: string): Promise<string[]> {
  const before = process.env.PATRONEOS_CONFIG
  process.env.PATRONEOS_CONFIG = JSON.stringify(config ?? {})
  try {
    const { lines } = await checkArgument(request, {})
    const output = stripVTControlCharacters(lines.join('\n'))
    if (!output.includes(said)) throw new Error(`no ${said} of ${request}:\n${output}`)
    return [`${what}:`, `\`\`\`sh\n${commandOf(request, config)}\n\`\`\``, `\`\`\`text\n${output}\n\`\`\``]
  } finally {
    if (before === undefined) delete process.env.PATRONEOS_CONFIG
    else process.env.PATRONEOS_CONFIG = before
  }
}

/** As it is typed: what has quotes or line breaks of its own comes through standard input. */
function commandOf(request: string, config: object | undefined): string {
  const command = `${config ? `PATRONEOS_CONFIG='${JSON.stringify(config)}' ` : ''}patroneos check`
  return /['\n]/.test(request) ? `${command} - <<'EOF'\n${request.trimEnd()}\nEOF` : `${command} '${request}'`
}

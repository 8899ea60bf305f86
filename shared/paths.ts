// Paths of HTTP APIs: which can be read in one way only, and which are nodeos's own.

/**
 * One character of a path: those of RFC 3986, section 3.3, and `|`, `^`, `[` and `]`, which the URL Standard leaves as
 * they are. Percent-encoded, it is neither a slash, a backslash, a dot nor a control character, be it in too many bytes
 * of UTF-8, and it is encoded once.
 */
const character =
  "[A-Za-z0-9_.~!$&'()*+,;=:@|^[\\]-]|%(?!0|1|7f|2[ef]|5c|25[0-9a-f]{2}|c[01]|e0%[89]|f0%8)[0-9a-f]{2}"

/** No dot segment follows; Java's servers take one with parameters, `..;x`, for one as well. */
const noDots = '(?!\\.{1,2}(?:;|%3b|\\/|$))'

const wellFormed = new RegExp(`^(?:(?:\\/${noDots}(?:${character})+)+\\/?|\\/)$`, 'i')

/** The APIs of nodeos and keosd: `/v1/<api>/`, and one call of EOSIO 2.2 below /v2. */
const NODEOS_APIS =
  'v1/(?:chain|history|trace_api|node|producer|producer_ha|net|wallet|keosd|db_size|prometheus|login|test_control|txn_test_gen)|v2/chain'

/** Whether a path can be read in one way only: no dot segments, no empty ones, nothing encoded that separates. */
export function isWellFormed(path: string): boolean {
  return wellFormed.test(path)
}

/**
 * Paths as nodeos knows them: it compares the raw target with exact strings, so that what is percent-encoded, or has a
 * character that none of these has, is no path of nodeos's.
 */
export const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+)+\/?$|^\/$/

/** Plain paths below an API of nodeos's. */
export const nodeosPath = new RegExp(`^/(?:${NODEOS_APIS})(?:\\/(?!\\.{1,2}(?:\\/|$))[A-Za-z0-9_.-]+)+$`)

const ofNodeos = new RegExp(`^/(?:${NODEOS_APIS})(?:/|$)`)

/** Whether a path in its loosest form belongs to nodeos. */
export function isOfNodeos(loose: string): boolean {
  return ofNodeos.test(loose)
}

export const GET_INFO = '/v1/chain/get_info'

/**
 * Calls whose answer is final only when the block is irreversible, with the parameter that names the block.
 * Follows nodeos: plugins/chain_plugin (get_block_params, get_block_info_params, get_raw_block_params).
 */
export const blockCalls: ReadonlyMap<string, string> = new Map([
  ['/v1/chain/get_block', 'block_num_or_id'],
  ['/v1/chain/get_block_info', 'block_num'],
  ['/v1/chain/get_block_header', 'block_num_or_id'],
  ['/v1/chain/get_raw_block', 'block_num_or_id'],
])

/** Whether a path is on a list of exact ones and `/prefix/*`. */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('/*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('/*')).map((pattern) => pattern.slice(0, -1))
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix))
}

/** A well-formed path with nothing percent-encoded, one character a byte. */
export function decodedPath(path: string): string {
  return path.includes('%')
    ? path.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))
    : path
}

/** What a lenient server may take a well-formed path for: decoded, in any case, without parameters (`;x`). */
export function loosePath(path: string): string {
  return decodedPath(path)
    .replace(/;[^/]*/g, '')
    .toLowerCase()
}

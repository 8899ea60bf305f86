// All verdicts in one table: the code that clients, relays and fail2ban see, the HTTP status, the meaning, and the class
// of strikes (jail) that it counts in.

/** Classes of violations; each has its own threshold in fail2ban's jails and in the `bans` configuration. */
export const strikeClasses = [
  'malformed',
  'signatures',
  'contracts',
  'size',
  'batch',
  'endpoints',
  'reads',
  'failed',
] as const
export type StrikeClass = (typeof strikeClasses)[number]

interface ViolationKind {
  /** HTTP status of the rejection. */
  status: 400 | 403 | 405 | 408 | 413 | 415 | 429 | 431 | 500 | 503 | 504
  /** What it means, for people. */
  text: string
  /** The class it counts in against the sender; null where the sender is not to blame. */
  strike: StrikeClass | null
}

export const violations = {
  INVALID_HTTP: {
    status: 400,
    strike: 'malformed',
    text: 'Not a request of HTTP/1.1, or one that can be read in two ways (also 417, 501, 505)',
  },
  INVALID_JSON: { status: 400, strike: 'malformed', text: 'The body is not one JSON text in valid UTF-8' },
  PARSE_ERROR: {
    status: 400,
    strike: 'malformed',
    text: 'The body does not have the shape of a transaction',
  },
  TOO_MANY_TRANSACTIONS: { status: 400, strike: 'batch', text: 'Too many transactions in one request' },
  INVALID_TRANSACTION_SIZE: { status: 400, strike: 'size', text: 'A transaction or its data is too large' },
  INVALID_NUMBER_SIGNATURES: {
    status: 400,
    strike: 'signatures',
    text: 'Too many signatures on a transaction',
  },
  BLACKLISTED_CONTRACT: {
    status: 400,
    strike: 'contracts',
    text: 'An action on a contract that is not allowed',
  },
  BLACKLISTED_ACTION: { status: 400, strike: 'contracts', text: 'An action that is not allowed' },
  BLACKLISTED_AUTHORIZER: {
    status: 400,
    strike: 'contracts',
    text: 'An authorizing account that is not allowed',
  },
  BLACKLISTED_TABLE: { status: 400, strike: 'contracts', text: 'A read of a table that is not allowed' },
  TABLE_LIMIT: { status: 400, strike: 'reads', text: 'A read of more rows at one time than is allowed' },
  TOO_MANY_ACTIONS: { status: 400, strike: 'size', text: 'Too many actions in a transaction' },
  TOO_MANY_AUTHORIZATIONS: { status: 400, strike: 'size', text: 'Too many authorizations in a transaction' },
  UNPACKED_TRANSACTION: {
    status: 400,
    strike: 'malformed',
    text: 'An unpacked transaction; only packed ones are taken',
  },
  EMPTY_TRANSACTION: { status: 400, strike: 'failed', text: 'A transaction that nobody authorizes' },
  EXPIRED_TRANSACTION: {
    status: 400,
    strike: 'failed',
    text: 'A transaction whose time is over, or too far ahead',
  },
  BODY_TOO_LARGE: { status: 413, strike: 'size', text: 'The request body is too large' },
  ENDPOINT_NOT_ALLOWED: { status: 403, strike: 'endpoints', text: 'This path is not served' },
  METHOD_NOT_ALLOWED: { status: 405, strike: 'endpoints', text: 'This method is not served' },
  TOO_MANY_HEADERS: {
    status: 431,
    strike: 'malformed',
    text: 'A request with too many header lines, or too many bytes of them',
  },
  UNSUPPORTED_ENCODING: { status: 415, strike: 'malformed', text: 'A request body with a Content-Encoding' },
  REQUEST_TIMEOUT: { status: 408, strike: null, text: 'The request did not arrive in time' },
  RATE_LIMITED: { status: 429, strike: 'endpoints', text: 'Too many requests' },
  BANNED: { status: 403, strike: null, text: 'The sender is banned for a while' },
  BLOCKED_ADDRESS: { status: 403, strike: null, text: 'The sender is on the list of blocked addresses' },
  OVERLOADED: { status: 503, strike: null, text: 'The filter holds as many request bodies as it may' },
  NODEOS_REQUEST_NOT_CREATED: { status: 500, strike: null, text: 'The request to nodeos could not be made' },
  NODEOS_UNREACHABLE: { status: 503, strike: null, text: 'nodeos does not answer' },
  NODEOS_TIMEOUT: { status: 504, strike: null, text: 'nodeos did not answer in time' },
} as const satisfies Record<string, ViolationKind>

/** A code with which a request is answered instead of being forwarded. */
export type ViolationCode = keyof typeof violations

/** A rejection as a value: the code, and a sentence that names what was found and what is allowed. */
export interface Violation {
  code: ViolationCode
  detail: string
  /** The word that relays are told, where it is another one than the code. */
  reportedAs?: ReportCode
  /** It is no request that nodeos could be asked at all, so that every mode refuses it. */
  isNoRequest?: boolean
  /** The rate limit that it is over. */
  limit?: string
}

export function violation(code: ViolationCode, detail: string): Violation {
  return { code, detail }
}

/** nodeos answered and the sender's transaction failed: reported, while the answer passes untouched. */
export const TRANSACTION_FAILED = 'TRANSACTION_FAILED'
/** Reported in place of INVALID_JSON where nothing could have been executed: a clumsy client is no attacker. */
export const INVALID_READ = 'INVALID_READ'
/** Reported only with `logSuccess`. */
export const SUCCESS = 'SUCCESS'

/** The words that may stand as the `message` of a report, and so in the log that fail2ban reads. */
export const reportCodes = [
  ...(Object.keys(violations) as ViolationCode[]),
  INVALID_READ,
  TRANSACTION_FAILED,
  SUCCESS,
] as const
export type ReportCode = (typeof reportCodes)[number]

/** The class a reported code counts in, or null where it is no strike. */
export function strikeClassOf(code: ReportCode): StrikeClass | null {
  if (code === TRANSACTION_FAILED) return 'failed'
  if (code === INVALID_READ) return 'reads'
  if (code === SUCCESS) return null
  return violations[code].strike
}

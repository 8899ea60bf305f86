// Asks the config listener of a running filter or relay.
import { CommandError } from './command-error.ts'

const LOCAL = 'http://127.0.0.1:9001'

/** The config listener that is asked where none is named. */
export const defaultServer = () => process.env.PATRONEOS_SERVER || LOCAL

/** Milliseconds for an answer. */
const TIMEOUT = 15_000

export interface ServerAnswer {
  status: number
  headers: Headers
  text: string
}

export interface Question {
  method?: string
  path: string
  /** Sent as JSON. */
  body?: unknown
}

/** Any answer below 500 other than 401 and 403; an error that says what to do where there is none. */
export async function askServer(
  server: string,
  { method = 'GET', path, body }: Question,
): Promise<ServerAnswer> {
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    throw new CommandError(
      `--server: found ${JSON.stringify(server)}; allowed: the URL of a config listener, such as ${LOCAL}`,
    )
  const url = `${server.replace(/\/+(?:patroneos\/?(?:config)?)?$/, '')}${path}`
  const { PATRONEOS_CONFIG_TOKEN: token } = process.env
  const response = await fetch(url, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT),
  }).catch((error: Error) => {
    const { cause } = error
    const why =
      error.name === 'TimeoutError' ? `no answer within ${TIMEOUT / 1000} s` : reasonOf(cause ?? error)
    throw new CommandError(
      `${url}: ${why}; --server names the config listener (configListenIP and configListenPort)`,
    )
  })
  const answer = { status: response.status, headers: response.headers, text: await response.text() }
  if (answer.status === 401)
    throw new CommandError(
      `${url} wants a token: set PATRONEOS_CONFIG_TOKEN to that of the filter${token ? '; the one that is set is wrong' : ''}`,
    )
  if (answer.status === 403 || answer.status >= 500)
    throw new CommandError(`${url} answered ${answer.status}: ${detailOf(answer.text)}`)
  return answer
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message || String((error as NodeJS.ErrnoException).code)
}

/** The sentence of a refusal. */
export function detailOf(text: string): string {
  try {
    return JSON.parse(text).error.what
  } catch {
    return text.slice(0, 300)
  }
}

/** The JSON of an answer; `what` is what the listener is asked for, where it has no such route. */
export async function askJson<T>(server: string, question: Question, what: string): Promise<T> {
  const { status, text } = await askServer(server, question)
  if (status === 404 && text.includes('NOT_FOUND'))
    throw new CommandError(`${server} has no ${what}: it is of another version, or not a filter`)
  if (status >= 400) throw new CommandError(`${server} answered ${status}: ${detailOf(text)}`)
  try {
    return JSON.parse(text) as T
  } catch {
    throw new CommandError(`${server} answered no JSON: ${text.slice(0, 100)}`)
  }
}

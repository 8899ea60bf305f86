// A curl line as people write it and browsers copy it -> the request that curl would send.
import { parseArgs } from 'node:util'
import { split } from 'shlex'
import { originForm, SOMEBODY, type WholeRequest } from '../../shared/check-request.ts'
import { CommandError } from '../command-error.ts'
import { readFile } from './text.ts'

const flag = { type: 'boolean' } as const
const text = { type: 'string' } as const
const texts = { type: 'string', multiple: true } as const

/** Those that make the request. */
const requestOptions = {
  request: { ...text, short: 'X' },
  header: { ...texts, short: 'H' },
  data: { ...texts, short: 'd' },
  'data-ascii': texts,
  'data-raw': texts,
  'data-binary': texts,
  json: texts,
  get: { ...flag, short: 'G' },
  head: { ...flag, short: 'I' },
  url: text,
  'user-agent': { ...text, short: 'A' },
  referer: { ...text, short: 'e' },
  cookie: { ...text, short: 'b' },
  user: { ...text, short: 'u' },
  compressed: flag,
} as const

/** Those that say how it is sent and shown, which changes nothing here. */
const otherOptions = {
  silent: { ...flag, short: 's' },
  'show-error': { ...flag, short: 'S' },
  verbose: { ...flag, short: 'v' },
  include: { ...flag, short: 'i' },
  insecure: { ...flag, short: 'k' },
  location: { ...flag, short: 'L' },
  fail: { ...flag, short: 'f' },
  'fail-with-body': flag,
  globoff: { ...flag, short: 'g' },
  'no-buffer': { ...flag, short: 'N' },
  'path-as-is': flag,
  'http1.0': { ...flag, short: '0' },
  'http1.1': flag,
  http2: flag,
  ipv4: { ...flag, short: '4' },
  ipv6: { ...flag, short: '6' },
  output: { ...text, short: 'o' },
  'write-out': { ...text, short: 'w' },
  'max-time': { ...text, short: 'm' },
  'connect-timeout': text,
  retry: text,
  resolve: text,
  cacert: text,
} as const

const options = { ...requestOptions, ...otherOptions }
type Values = ReturnType<typeof parse>['values']

function parse(args: string[]) {
  return parseArgs({ args, options, allowPositionals: true, strict: true, tokens: true })
}

export function readCurl(line: string): WholeRequest {
  const { values, positionals, tokens } = parseLine(line)
  const urls = [...positionals, ...(values.url === undefined ? [] : [values.url])]
  if (urls.length !== 1) throw new CommandError(`the curl line has ${urls.length} URLs; it must have one`)
  // Parts in the order in which they stand, as curl joins them.
  const data = tokens.flatMap((token) =>
    token.kind === 'option' &&
    (token.name.startsWith('data') || token.name === 'json') &&
    token.value !== undefined
      ? [dataOf(token.name, token.value)]
      : [],
  )
  const query = values.get && data.length > 0 ? data.join('&') : ''
  const body = values.get ? '' : values.json ? data.join('') : data.join('&')
  const target = originForm(/^https?:\/\//i.test(urls[0]!) ? urls[0]! : `http://${urls[0]}`)
  return {
    method: values.request ?? (values.head ? 'HEAD' : data.length > 0 && !values.get ? 'POST' : 'GET'),
    target: query === '' ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`,
    headers: headersOf(values, data.length > 0 && !values.get),
    body: Buffer.from(body),
    from: SOMEBODY,
    time: undefined,
  }
}

function parseLine(line: string) {
  const [, ...args] = words(line.replace(/^\$ */, '').replace(/\\\r?\n/g, ' '))
  try {
    return parse(args)
  } catch (error) {
    const [first] = (error as Error).message.split('. ')
    throw new CommandError(
      `the curl line: ${first}; known are ${Object.keys(requestOptions)
        .map((name) => `--${name}`)
        .join(', ')}, and options of how it is sent`,
    )
  }
}

function words(line: string): string[] {
  try {
    return split(line)
  } catch (error) {
    throw new CommandError(`the curl line cannot be read as a shell does: ${(error as Error).message}`)
  }
}

/** --data takes a file without its line breaks, --data-binary as it is; --data-raw knows no files. */
function dataOf(name: string, value: string): string {
  if (!value.startsWith('@') || name === 'data-raw') return value
  const content = readFile(value.slice(1)).toString()
  return name === 'data-binary' || name === 'json' ? content : content.replace(/[\r\n\0]/g, '')
}

function headersOf(values: Values, hasBody: boolean): string[] {
  const given = (values.header ?? []).flatMap((field) => {
    const colon = field.indexOf(':')
    // "Name:" without a value removes one of curl's own, and none is added here that could be removed.
    const value = field.slice(colon + 1).trim()
    return colon < 1 || value === '' ? [] : [field.slice(0, colon).trim(), value]
  })
  const has = (name: string) => given.some((text, at) => at % 2 === 0 && text.toLowerCase() === name)
  const own = (name: string, value: string | undefined) =>
    value === undefined || has(name) ? [] : [name, value]
  const type = values.json ? 'application/json' : 'application/x-www-form-urlencoded'
  return [
    ...own('host', 'localhost'),
    ...own('user-agent', values['user-agent']),
    ...own('referer', values.referer),
    ...own('cookie', values.cookie),
    ...own('authorization', values.user && `Basic ${Buffer.from(values.user).toString('base64')}`),
    ...own('content-type', hasBody ? type : undefined),
    ...given,
  ]
}

// A check's result for people.
import type { WholeRequest } from '../../shared/check-request.ts'
import type { CheckResult, CheckStep } from '../../worker/dry-run/check.ts'
import { printable, style } from './style.ts'

/** Authorizations and actions that are shown of one transaction. */
const MAX_SHOWN = 20
const MAX_TARGET = 200

export function checkLines(request: WholeRequest, result: CheckResult): string[] {
  const { method, target, body } = request
  const shown = target.length > MAX_TARGET ? `${target.slice(0, MAX_TARGET)}...` : target
  const size = body.length > 0 ? `, ${body.length} bytes of body` : ''
  return [
    `${printable(`${method} ${shown}`)} from ${result.client}${size}`,
    '',
    ...verdictLines(result),
    '',
    'Steps',
    ...result.steps.map(stepLine),
    ...result.transactions.flatMap((transaction, index) => [
      '',
      `Transaction ${index + 1} of ${result.transactions.length}`,
      ...transactionLines(transaction, request.time ?? Date.now()),
    ]),
    ...(result.tables.length > 0 ? ['', `Reads ${result.tables.join(', ')}`] : []),
    ...(result.rateLimits.length > 0
      ? ['', `Counts in the rate limits ${result.rateLimits.join(', ')}, which depend on the requests before`]
      : []),
    ...forwardLines(result),
  ].map((line) => line.trimEnd())
}

function verdictLines({ verdict, violation, mode, answer, forwarded }: CheckResult): string[] {
  const reported = violation
    ? violation.reported
      ? `  Reported as ${violation.reported}, a strike of class ${violation.strike}`
      : '  No strike against the sender'
    : undefined
  if (verdict === 'reject' && violation)
    return [
      `${style(['red', 'bold'], 'rejected')}: ${violation.status} ${violation.code}`,
      `  ${printable(violation.detail)}`,
      reported!,
    ]
  if (verdict === 'answer')
    return [`${style(['green', 'bold'], 'answered')} by the filter itself: ${answer?.status}`]
  const to = `to ${forwarded?.node} (${forwarded?.url})`
  if (violation)
    return [
      `${style(['yellow', 'bold'], 'forwarded')} ${to}, as mode is "${mode}"; else rejected: ${violation.status} ${violation.code}`,
      `  ${printable(violation.detail)}`,
    ]
  return [`${style(['green', 'bold'], 'forwarded')} ${to}`]
}

const marks: Record<CheckStep['result'], string> = { passed: '✓', rejected: '✗', off: '·' }
const colours = { passed: 'green', rejected: 'red', off: 'gray' } as const

function stepLine({ step, result, detail }: CheckStep): string {
  const note = result === 'off' ? style('gray', 'off') : printable(detail ?? '')
  return `  ${style(colours[result], marks[result])} ${step.padEnd(20)}${note}`
}

function transactionLines(transaction: CheckResult['transactions'][number], now: number): string[] {
  if ('form' in transaction)
    return [
      `  ${transaction.form}, ${transaction.signatures} signatures`,
      ...atMost(transaction.actions).map(
        ({ account, name, actors, dataSize }) =>
          `  ${account}::${name}  ${actors.join(' ')}  ${dataSize} ${transaction.form === 'legacy' ? 'characters' : 'bytes'}`,
      ),
    ]
  const { id, expiration, signatures, packedSize, compression, actions } = transaction
  const seconds = Math.round((Date.parse(`${expiration}Z`) - now) / 1000)
  const when = seconds >= 0 ? `in ${seconds} s` : `${-seconds} s ago`
  return [
    `  id          ${id}`,
    `  expiration  ${expiration}Z, ${when}`,
    `  signatures  ${Array.isArray(signatures) ? signatures.length : 0}`,
    `  packed      ${packedSize} bytes${compression === 'zlib' ? ', compressed with zlib' : ''}`,
    ...atMost(transaction.context_free_actions).map(
      ({ account, name, dataSize }) => `  context-free ${account}::${name}  ${dataSize} bytes`,
    ),
    ...atMost(actions).map(({ account, name, authorization, dataSize }) => {
      const levels = atMost(authorization.map(({ actor, permission }) => `${actor}@${permission}`))
      return `  action      ${account}::${name}  ${levels.join(' ')}  ${dataSize} bytes`
    }),
    ...(actions.length > MAX_SHOWN ? [`  and ${actions.length - MAX_SHOWN} more actions`] : []),
  ]
}

const atMost = <T>(items: readonly T[]) => items.slice(0, MAX_SHOWN)

function forwardLines({ forwarded }: CheckResult): string[] {
  if (!forwarded) return []
  const { method, path, headers, bodyBytes, rebuilt } = forwarded
  return [
    '',
    'The node gets',
    `  ${printable(`${method} ${path.slice(0, MAX_TARGET)}`)}`,
    ...Object.entries(headers).map(([name, value]) => `  ${printable(`${name}: ${value}`)}`),
    ...(bodyBytes > 0 ? [`  ${bodyBytes} bytes of body${rebuilt ? ', made of what was judged' : ''}`] : []),
  ]
}

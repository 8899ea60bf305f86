// HAProxy's Runtime API over its unix socket, one connection per command as HAProxy expects.
import { connect } from 'node:net'
import type { Server } from './haproxy-plan.ts'

const ANSWER_TIMEOUT = 2_000

/** Sends one command and resolves to the answer, on one line where it is a sentence. Rejects where HAProxy is not reached. */
export function runCommand(socketPath: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    const chunks: Buffer[] = []
    socket.setTimeout(ANSWER_TIMEOUT, () =>
      socket.destroy(new Error(`no answer within ${ANSWER_TIMEOUT / 1000} s`)),
    )
    // Not end(): HAProxy takes a half-closed connection for an aborted one. It closes after its answer.
    socket.on('connect', () => socket.write(`${command}\n`))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      const answer = Buffer.concat(chunks).toString().trim()
      resolve(answer.startsWith('#') || answer.includes(': ') ? answer : answer.replace(/\s+/g, ' '))
    })
  })
}

/** Process id in the answer to `show info`: another one after every restart. */
export function pidOf(info: string): string | undefined {
  return /^Pid: (\d+)$/m.exec(info)?.[1]
}

/** Lists the servers of a backend. 4 is servers only, -1 all of them. */
export const listServers = (backend: string): string => `show stat ${backend} 4 -1`

/** A server with what HAProxy has counted at it, and thinks of it. */
export interface ServerReport extends Server {
  /** Requests that it has, and that wait for it. */
  active: number
  queued: number
  /** Requests that it was sent. */
  requests: number
  /** Times that it took no connection, and that it broke one off. */
  connectionErrors: number
  responseErrors: number
  /** Since it is in the state in which it is. */
  sinceSeconds: number
  /** What its last check met, in words. */
  checkDetail: string
  checkMilliseconds: number | undefined
  failedChecks: number
  timesDown: number
}

/** Reads the answer to `listServers`, CSV by column name. Throws where HAProxy has no such backend. */
export function parseServers(answer: string, backend: string): ServerReport[] {
  const [head = '', ...lines] = answer.split('\n')
  if (!head.startsWith('# pxname,')) throw new Error(`backend ${backend}: ${head || 'no answer'}`)
  const columns = head.slice(2).split(',')
  return lines
    .filter((line) => line.startsWith(`${backend},`))
    .map((line) => {
      const cells = cellsOf(line)
      const cell = (column: string) => cells[columns.indexOf(column)] ?? ''
      const count = (column: string) => Number(cell(column))
      return {
        name: cell('svname'),
        address: cell('addr'),
        status: cell('status'),
        check: cell('check_status').replace(/^\* /, ''),
        sessions: count('scur') + count('qcur'),
        active: count('scur'),
        queued: count('qcur'),
        requests: count('stot'),
        connectionErrors: count('econ'),
        responseErrors: count('eresp'),
        sinceSeconds: count('lastchg'),
        checkDetail: cell('last_chk'),
        checkMilliseconds: cell('check_duration') === '' ? undefined : count('check_duration'),
        failedChecks: count('chkfail'),
        timesDown: count('chkdown'),
      }
    })
}

/** A cell with a comma or a quote in it, as what a check met may have, stands in quotes; a quote in it is doubled. */
function cellsOf(line: string): string[] {
  const cells = line.match(/(?<=^|,)(?:"(?:[^"]|"")*"|[^,]*)/g) ?? []
  return cells.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell))
}

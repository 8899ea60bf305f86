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

/** Reads the answer to `listServers`, CSV by column name. Throws where HAProxy has no such backend. */
export function parseServers(answer: string, backend: string): Server[] {
  const [head = '', ...lines] = answer.split('\n')
  if (!head.startsWith('# pxname,')) throw new Error(`backend ${backend}: ${head || 'no answer'}`)
  const columns = head.slice(2).split(',')
  return lines
    .filter((line) => line.startsWith(`${backend},`))
    .map((line) => {
      const cells = line.split(',')
      const cell = (column: string) => cells[columns.indexOf(column)] ?? ''
      return {
        name: cell('svname'),
        address: cell('addr'),
        status: cell('status'),
        check: cell('check_status').replace(/^\* /, ''),
        sessions: Number(cell('scur')) + Number(cell('qcur')),
      }
    })
}

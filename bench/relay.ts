// The relay that takes the reports of filters under load.
import { join } from 'node:path'
import { freePort } from '../e2e/http/wire.ts'
import { LOAD_CORE, listening, start, temporaryFile } from './processes.ts'
import { RELAY_SECRET } from './proxies.ts'

/** Starts a relay and resolves to its URL. */
export async function startRelay(): Promise<string> {
  const port = await freePort()
  const file = temporaryFile(
    'relay.json',
    JSON.stringify({
      listenIP: '127.0.0.1',
      listenPort: port,
      configListenPort: 0,
      logFileLocation: temporaryFile('fail2ban.log', ''),
    }),
  )
  const program = join(import.meta.dirname, '../relay/node.ts')
  const child = start(LOAD_CORE, [process.execPath, program, '--configFile', file], {
    PATRONEOS_RELAY_SECRET: RELAY_SECRET,
  })
  await listening(port, child)
  return `http://127.0.0.1:${port}`
}

// CrowdSec for tests: the configuration as Debian ships it, over it our files as an operator would copy them, and a local
// API of its own. Parsers of the hub are those that the Debian package brings; nothing is downloaded.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const OURS = join(import.meta.dirname, '..')
const SHIPPED_LOG = '/var/log/patroneos/fail2ban.log'

/** Where CrowdSec is missing its tests are skipped, and that is said; but not in CI, where they fail. */
export function skipWithoutCrowdsec(what: string): boolean {
  if (existsSync('/usr/bin/crowdsec') && existsSync('/etc/crowdsec/config.yaml')) return false
  console.error(`crowdsec is not installed: NOT TESTED: ${what} (Debian package crowdsec)`)
  return !process.env.CI
}

/** Writes it below `directory`, with its API on `port` and the relay's log as `log`, and answers with its path. */
export function writeCrowdsecConfig(directory: string, port: number, log: string): string {
  const etc = join(directory, 'etc')
  mkdirSync(join(directory, 'data'))
  cpSync('/etc/crowdsec', etc, { recursive: true })
  // Scenarios for other programs of the machine are no business of ours.
  for (const file of readdirSync(join(etc, 'scenarios'))) rmSync(join(etc, 'scenarios', file))
  for (const part of ['acquis.d', 'parsers', 'scenarios'])
    cpSync(join(OURS, part), join(etc, part), { recursive: true })
  cpSync(join(OURS, 'profiles.yaml'), join(etc, 'profiles.yaml.local'))
  const acquisition = join(etc, 'acquis.d/patroneos.yaml')
  writeFileSync(acquisition, readFileSync(acquisition, 'utf8').replace(SHIPPED_LOG, log))

  const configuration = join(directory, 'config.yaml')
  const credentials = join(directory, 'credentials.yaml')
  writeFileSync(credentials, '')
  writeFileSync(
    configuration,
    `common: { daemonize: false, log_media: stdout, log_level: info }
config_paths:
  config_dir: ${etc}/
  data_dir: ${directory}/data/
  simulation_path: ${etc}/simulation.yaml
  hub_dir: /var/lib/crowdsec/hub/
  index_path: /var/lib/crowdsec/hub/.index.json
  notification_dir: ${etc}/notifications/
  plugin_dir: /usr/lib/crowdsec/plugins/
crowdsec_service: { acquisition_dir: ${etc}/acquis.d, parser_routines: 1 }
cscli: { output: human, color: 'no' }
db_config: { type: sqlite, db_path: ${directory}/data/crowdsec.db, use_wal: true }
api:
  client: { credentials_path: ${credentials} }
  server: { listen_uri: '127.0.0.1:${port}', profiles_path: ${etc}/profiles.yaml }
prometheus: { enabled: false }
`,
  )
  cscli(configuration, 'machines', 'add', '--auto', '--force', '-f', credentials)
  return configuration
}

/** What `cscli` prints. */
export function cscli(configuration: string, ...args: string[]): string {
  return execFileSync('cscli', ['-c', configuration, '--error', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Starts the local API alone, and resolves when it listens. */
export async function startLocalApi(configuration: string): Promise<ChildProcess> {
  const child = spawn('crowdsec', ['-c', configuration, '-no-cs'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`crowdsec ended with ${code}: ${said}`)))
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        said += text
        if (said.includes('Local API listening')) resolve()
      })
  })
  return child
}

export async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}

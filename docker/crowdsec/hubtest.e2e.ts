// Parser and scenarios in a copy of the hub that Debian's crowdsec brings, by the hub's own test tool: `cscli hubtest`, with
// the assertions in testing/hubtest.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../e2e/http/wire.ts'
import { skipWithoutCrowdsec } from './testing/crowdsec-config.ts'

const HERE = import.meta.dirname
const DEBIANS_HUB = '/var/lib/crowdsec/hub'

/** Where they lie in a hub: by stage, and by author. */
const FILES = {
  'parsers/s01-parse/patroneos.yaml': 'parsers/s01-parse/patroneos/relay-log.yaml',
  'parsers/s02-enrich/patroneos-whitelist.yaml': 'parsers/s02-enrich/patroneos/whitelist.yaml',
  'scenarios/patroneos.yaml': 'scenarios/patroneos/patroneos.yaml',
  'testing/hubtest': '.tests/patroneos',
}

const configuration = (port: number) => `
common: { daemonize: false, log_media: stdout, log_level: info, working_dir: . }
config_paths:
  config_dir: ./runtime/
  data_dir: ./runtime/data/
  simulation_path: ./runtime/simulation.yaml
  hub_dir: ./runtime/hub/
  index_path: ./runtime/hub/.index.json
  notification_dir: ./runtime/notifications/
  plugin_dir: /usr/lib/crowdsec/plugins/
crowdsec_service: { parser_routines: 1 }
cscli: { output: human }
db_config: { type: sqlite, db_path: ./runtime/data/crowdsec.db, use_wal: true }
api:
  client: { credentials_path: ./runtime/local_api_credentials.yaml }
  server: { listen_uri: '127.0.0.1:${port}', profiles_path: ./runtime/profiles.yaml }
prometheus: { enabled: false }
`

test.skipIf(skipWithoutCrowdsec('docker/crowdsec with cscli hubtest'))('cscli hubtest passes', async () => {
  const hub = mkdtempSync(join(tmpdir(), 'patroneos-hub-'))
  onTestFinished(() => rmSync(hub, { recursive: true }))
  cpSync(DEBIANS_HUB, hub, { recursive: true, dereference: true })
  for (const [ours, theirs] of Object.entries(FILES)) {
    mkdirSync(dirname(join(hub, theirs)), { recursive: true })
    cpSync(join(HERE, ours), join(hub, theirs), { recursive: true })
  }
  writeFileSync(join(hub, '.tests/template_config.yaml'), configuration(await freePort()))
  writeFileSync(join(hub, '.tests/template_simulation.yaml'), 'simulation: off\n')
  writeFileSync(join(hub, '.tests/template_profiles.yaml'), 'name: none\nfilters: ["false"]\n')

  const programs = ['--crowdsec', '/usr/bin/crowdsec', '--cscli', '/usr/bin/cscli']
  // An assertion that fails is an exit code.
  const output = execFileSync(
    'cscli',
    ['hubtest', 'run', 'patroneos', '--hub', hub, ...programs, '--clean'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  expect(output).toMatch(/patroneos +✅/)
})

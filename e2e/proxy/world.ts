// A small internet of network namespaces on this machine, with the programs of all three layers in it:
//
//   client  192.0.2.0/24   2001:db8:1::/48 --+                        +-- filter1  10.77.0.11
//                                            +-- proxy 198.51.100.1 --+-- filter2  10.77.0.12
//   abuser  203.0.113.0/24 2001:db8:2::/48 --+   2001:db8:100::1      +-- node     10.77.0.21
//
// HAProxy, fail2ban and the relay run in `proxy` from the shipped files; nothing outside of the namespaces and one
// temporary directory is touched.
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fail2banServer, writeFail2banConfig } from '../../docker/fail2ban/testing/fail2ban-config.ts'
import type { Answer, Command } from './agent.ts'
import { filterLimits } from './offences.ts'

export const PROXY_V4 = '198.51.100.1'
export const PROXY_V6 = '2001:db8:100::1'
export const CLIENT_V4 = '192.0.2.10'
export const CLIENT_V6 = '2001:db8:1::10'
/** A second machine of the good client's, whose address the abuser pretends to have. */
export const VICTIM_V4 = '192.0.2.77'

/** Seconds of a ban in the test; the shipped 300 would make it last too long. */
export const BAN_TIME = 8

const REPOSITORY = join(import.meta.dirname, '../..')
const names = ['client', 'abuser', 'proxy', 'filter1', 'filter2', 'node'] as const
type Namespace = (typeof names)[number]
const filterAddresses = { filter1: '10.77.0.11', filter2: '10.77.0.12' }

export interface Agent {
  run(command: Command): Promise<Answer>
}

export type World = Awaited<ReturnType<typeof createWorld>>

export async function createWorld() {
  const directory = mkdtempSync(join(tmpdir(), 'patroneos-proxy-'))
  // mkdtemp makes it private; HAProxy reads its certificate as another user after it dropped root.
  chmodSync(directory, 0o755)
  const children = new Set<ChildProcess>()
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const namespace = (name: Namespace) => `patroneos-${process.pid}-${name}`
  const logFile = join(directory, 'log', 'fail2ban.log')
  const socket = join(directory, 'admin.sock')
  const certificate = join(directory, 'certificate.pem')
  const fail2ban = fail2banServer(
    directory,
    writeFail2banConfig(directory, { logpath: logFile, bantime: BAN_TIME }),
  )

  /** Undoes everything, whatever state it is in. */
  function destroy(): void {
    for (const child of children) child.kill('SIGKILL')
    for (const name of names)
      try {
        // Whatever is left in a namespace of our own making was started by us.
        for (const pid of run('ip', ['netns', 'pids', namespace(name)])
          .split('\n')
          .filter(Boolean))
          process.kill(Number(pid), 'SIGKILL')
        run('ip', ['netns', 'delete', namespace(name)])
      } catch {
        // Not made yet, or gone.
      }
    rmSync(directory, { recursive: true, force: true })
  }

  function inside(name: Namespace, command: string, ...args: string[]): string {
    return run('ip', ['netns', 'exec', namespace(name), command, ...args])
  }

  function spawnIn(name: Namespace, command: string[], options: SpawnOptions): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace(name), ...command], options)
    children.add(child)
    child.on('exit', () => children.delete(child))
    return child
  }

  /** Starts a program that runs on, with its output in the file LABEL.out. */
  function start(name: Namespace, label: string, command: string[], env: Record<string, string> = {}) {
    const out = openSync(join(directory, `${label}.out`), 'a')
    return spawnIn(name, command, { env: { ...process.env, ...env }, stdio: ['ignore', out, out] })
  }

  /** Runs a program to its end and resolves to what it printed. */
  function outputOf(name: Namespace, command: string[]): Promise<string> {
    return text(spawnIn(name, command, { stdio: ['ignore', 'pipe', 'ignore'] }).stdout!)
  }

  function buildNetwork(): void {
    for (const name of names) {
      run('ip', ['netns', 'add', namespace(name)])
      inside(name, 'ip', 'link', 'set', 'lo', 'up')
      // Addresses are usable at once, without the second of duplicate detection.
      inside(name, 'sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0')
    }
    const link = (a: Namespace, aDevice: string, b: Namespace, bDevice: string) => {
      const peer = ['peer', 'name', bDevice, 'netns', namespace(b)]
      run('ip', ['link', 'add', aDevice, 'netns', namespace(a), 'type', 'veth', ...peer])
      inside(a, 'ip', 'link', 'set', aDevice, 'up')
      inside(b, 'ip', 'link', 'set', bDevice, 'up')
    }
    const address = (name: Namespace, device: string, ...addresses: string[]) => {
      for (const one of addresses) inside(name, 'ip', 'address', 'add', one, 'dev', device)
    }
    address('proxy', 'lo', `${PROXY_V4}/32`, `${PROXY_V6}/128`)
    link('client', 'eth0', 'proxy', 'client')
    link('abuser', 'eth0', 'proxy', 'abuser')
    address('proxy', 'client', '192.0.2.1/24', '2001:db8:1::1/48')
    address('proxy', 'abuser', '203.0.113.1/24', '2001:db8:2::1/48')
    address('client', 'eth0', `${CLIENT_V4}/24`, `${VICTIM_V4}/24`, `${CLIENT_V6}/48`)
    for (let host = 10; host < 100; host++)
      address('abuser', 'eth0', `203.0.113.${host}/24`, `2001:db8:2:${host}::1/48`)
    // One /64 in which the abuser changes its address.
    for (let host = 2; host < 6; host++) address('abuser', 'eth0', `2001:db8:2:99::${host}/48`)
    for (const [name, prefix] of [
      ['client', '1'],
      ['abuser', '2'],
    ] as const) {
      inside(name, 'ip', 'route', 'add', 'default', 'via', name === 'client' ? '192.0.2.1' : '203.0.113.1')
      inside(name, 'ip', '-6', 'route', 'add', 'default', 'via', `2001:db8:${prefix}::1`)
    }
    inside('proxy', 'ip', 'link', 'add', 'inner', 'type', 'bridge')
    inside('proxy', 'ip', 'link', 'set', 'inner', 'up')
    address('proxy', 'inner', '10.77.0.1/24')
    for (const [name, ip] of [...Object.entries(filterAddresses), ['node', '10.77.0.21']] as const) {
      link(name as Namespace, 'eth0', 'proxy', name)
      inside('proxy', 'ip', 'link', 'set', name, 'master', 'inner')
      address(name as Namespace, 'eth0', `${ip}/24`)
    }
  }

  function startNode() {
    return start('node', 'node', [process.execPath, join(REPOSITORY, 'e2e/nodeos-stand-in.ts'), '8888'])
  }

  function startFilter(name: keyof typeof filterAddresses): ChildProcess {
    const config = join(directory, `${name}.json`)
    writeFileSync(
      config,
      JSON.stringify({
        listenIP: filterAddresses[name],
        nodeosUrl: '10.77.0.21',
        logEndpoints: ['http://10.77.0.1:8080'],
        trustedProxies: ['10.77.0.1/32'],
        ...filterLimits,
      }),
    )
    const program = join(REPOSITORY, 'worker/runtimes/node.ts')
    return start(name, name, [process.execPath, program, '--configFile', config], {
      PATRONEOS_RELAY_SECRET: secret,
    })
  }

  function startRelay(): ChildProcess {
    return start(
      'proxy',
      'relay',
      [process.execPath, join(REPOSITORY, 'relay/node.ts'), '--configFile', join(directory, 'relay.json')],
      { PATRONEOS_RELAY_SECRET: secret },
    )
  }

  const wideOpen = {
    PATRONEOS_CONNECTIONS: '5000',
    PATRONEOS_CONNECTIONS_10S: '50000',
    PATRONEOS_REQUESTS_10S: '50000',
    PATRONEOS_ERRORS_10S: '50000',
  }

  /** HAProxy with its shipped file. `env` replaces the limits for one client, which all tests share otherwise. */
  function startHaproxy(env: Record<string, string> = wideOpen): ChildProcess {
    return start(
      'proxy',
      'haproxy',
      ['haproxy', '-db', '-f', join(REPOSITORY, 'docker/haproxy/haproxy.cfg')],
      {
        PATRONEOS_MAXCONN: '8000',
        PATRONEOS_CERTIFICATE: certificate,
        PATRONEOS_HAPROXY_SOCKET: socket,
        PATRONEOS_FILTER: `${filterAddresses.filter1}:8081`,
        ...env,
      },
    )
  }

  function startFail2ban(): ChildProcess {
    return start('proxy', 'fail2ban-server', ['fail2ban-server', ...fail2ban])
  }

  function startAgent(name: Namespace): Agent {
    const child = spawnIn(name, [process.execPath, join(import.meta.dirname, 'agent.ts'), certificate], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const waiting = new Map<number, (answer: Answer) => void>()
    let next = 0
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { id, ...answer } = JSON.parse(line)
      waiting.get(id)?.(answer)
      waiting.delete(id)
    })
    child.on('exit', () => {
      for (const resolve of waiting.values()) resolve({ error: 'agent ended', took: 0 })
    })
    return {
      run: (command) =>
        new Promise((resolve) => {
          waiting.set(next, resolve)
          child.stdin!.write(`${JSON.stringify({ id: next++, ...command })}\n`)
        }),
    }
  }

  /** Runs slowhttptest as the abuser against the API over TLS; resolves to what it printed. */
  function slowHttpTest(path: string, ...args: string[]): Promise<string> {
    return outputOf('abuser', ['slowhttptest', ...args, '-u', `https://${PROXY_V4}${path}`])
  }

  /** Names of the firewall's sets. */
  function sets(): string[] {
    const { nftables } = JSON.parse(inside('proxy', 'nft', '-j', 'list', 'sets'))
    return nftables.flatMap((item: { set?: { name: string } }) => item.set?.name ?? [])
  }

  /** Banned addresses of one jail, out of the firewall's own sets. */
  function banned(jail: string): string[] {
    const elements: string[] = []
    for (const set of [`addr-set-${jail}`, `addr6-set-${jail}`])
      try {
        const { nftables } = JSON.parse(inside('proxy', 'nft', '-j', 'list', 'set', 'inet', 'patroneos', set))
        for (const item of nftables)
          for (const element of item.set?.elem ?? [])
            elements.push(
              typeof element === 'string' ? element : `${element.prefix.addr}/${element.prefix.len}`,
            )
      } catch {
        // No set while fail2ban is started anew.
      }
    return elements
  }

  function unban(jail: string, ...addresses: string[]): void {
    const socketFile = join(directory, 'fail2ban.sock')
    inside('proxy', 'fail2ban-client', '-s', socketFile, 'set', `patroneos-${jail}`, 'unbanip', ...addresses)
  }

  /** Rotates the log with the shipped logrotate file; its paths, and the one command in it, are the test's own. */
  function rotateLog(relayPid: number): void {
    const shipped = readFileSync(join(REPOSITORY, 'docker/fail2ban/logrotate.d/patroneos'), 'utf8')
    const file = join(directory, 'logrotate.conf')
    writeFileSync(file, shipped.replace('/var/log/patroneos/fail2ban.log', logFile), { mode: 0o644 })
    const bin = join(directory, 'bin')
    mkdirSync(bin, { recursive: true })
    // Stands for systemd: systemctl kill --signal=X patroneos-relay
    writeFileSync(
      join(bin, 'systemctl'),
      `#!/bin/sh\n[ "$1" = kill ] && [ "$3" = patroneos-relay ] || exit 1\nkill "-\${2#--signal=}" ${relayPid}\n`,
      { mode: 0o755 },
    )
    execFileSync('logrotate', ['--force', '--state', join(directory, 'logrotate.state'), file], {
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    })
  }

  /** All lines of the log, rotated parts first. */
  function logLines(): string[] {
    const folder = join(directory, 'log')
    return readdirSync(folder)
      .filter((file) => !file.endsWith('.ids'))
      .sort()
      .reverse()
      .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean))
  }

  /** POSTs a merge patch to the relay's config listener; resolves to the status and the warnings. */
  async function postRelayConfig(patch: object): Promise<{ status: number; warnings: string }> {
    const json = ['-H', 'Content-Type: application/json', '-d', JSON.stringify(patch)]
    const curl = ['curl', '-si', '-m', '15', ...json, 'http://127.0.0.1:9000/patroneos/config']
    const answer = await outputOf('proxy', curl)
    return {
      status: Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1] ?? 0),
      warnings: /^x-patroneos-warning: (.*)$/im.exec(answer)?.[1] ?? '',
    }
  }

  /** Name and status of each filter in HAProxy, out of its statistics. */
  async function servers(): Promise<string[]> {
    return inside('proxy', 'curl', '-s', '-m', '3', 'http://127.0.0.1:9999/;csv')
      .split('\n')
      .filter((line) => line.startsWith('filters,') && !line.startsWith('filters,BACKEND'))
      .map((line) => `${line.split(',')[1]} ${line.split(',')[17]}`)
  }

  async function isHealthy(name: keyof typeof filterAddresses): Promise<boolean> {
    const url = `http://${filterAddresses[name]}:8081/patroneos/health`
    return (await outputOf('proxy', ['curl', '-s', '-m', '2', url])).includes('ok')
  }

  function output(label: string): string {
    return readFileSync(join(directory, `${label}.out`), 'utf8')
  }

  mkdirSync(join(directory, 'log'))
  writeFileSync(logFile, '')
  execFileSync(join(REPOSITORY, 'docker/haproxy/make-certificate'), {
    env: { ...process.env, PATRONEOS_CERTIFICATE: certificate },
    stdio: 'ignore',
  })
  writeFileSync(
    join(directory, 'relay.json'),
    JSON.stringify({
      listenIP: '10.77.0.1',
      logFileLocation: logFile,
      logSubnet: true,
      haproxySocket: socket,
      filterEndpoints: Object.values(filterAddresses).map((address) => `http://${address}:8081`),
    }),
  )
  try {
    buildNetwork()
  } catch (error) {
    destroy()
    throw error
  }
  return {
    destroy,
    startNode,
    startFilter,
    startRelay,
    startHaproxy,
    startFail2ban,
    startAgent,
    slowHttpTest,
    sets,
    banned,
    unban,
    rotateLog,
    logLines,
    postRelayConfig,
    servers,
    isHealthy,
    output,
    filterUrl: (name: keyof typeof filterAddresses) => `http://${filterAddresses[name]}:8081`,
  }
}

function run(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

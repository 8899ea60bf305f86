// What is compared: how each proxy is configured and started. Every one gets a single core and forwards to the
// same upstream over kept connections.
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { freePort } from '../e2e/http/wire.ts'
import { NODE_OPTIONS } from '../e2e/npm-start.ts'
import { isInstalled, listening, PROXY_CORE, start, temporaryFile } from './processes.ts'

export interface RunningProxy {
  url: string
  /** Undefined where the proxy is not the bench's, and for no proxy at all. */
  pid: number | undefined
}

/** How a filter of this repository is configured; other proxies know only `plain`. */
export type Setup = 'plain' | 'cached' | 'relay' | 'bans'

export interface Contender {
  name: string
  /** How a filter of this repository runs a program on its runtime. */
  command?: string[]
  /** The only workloads that it is to have; all where there is no such list. */
  workloads?: string[]
  /** Undefined: there is no such setup of it. */
  start(setup: Setup, upstream: { port: number; relay: string }): Promise<RunningProxy | undefined>
}

const root = join(import.meta.dirname, '..')
const binary = (name: string) => join(root, 'node_modules/.bin', name)

export const noProxy: Contender = {
  name: 'no proxy',
  start: async (_setup, { port }) => ({ url: `http://127.0.0.1:${port}`, pid: undefined }),
}

/** One that runs already, given as `--peer name=url` or, to have its CPU and memory, `--peer name=url,pid`. */
export function peer(text: string): Contender {
  const [, name, url, pid] = /^([^=]+)=([^,]+)(?:,(\d+))?$/.exec(text) ?? []
  if (!name || !url) throw new Error(`--peer: found "${text}"; allowed: name=url or name=url,pid`)
  return { name, start: async () => ({ url, pid: pid === undefined ? undefined : Number(pid) }) }
}

export const haproxy: Contender = {
  name: 'HAProxy',
  start: async (_setup, upstream) => {
    const port = await freePort()
    const file = temporaryFile(
      'haproxy.cfg',
      `
global
  nbthread 1
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen pass
  bind 127.0.0.1:${port}
  server upstream 127.0.0.1:${upstream.port}
`,
    )
    return started(port, ['haproxy', '-db', '-f', file])
  },
}

const MODSECURITY = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so'

/** nginx with rules for the filter's default checks, as far as ModSecurity can: it cannot unpack a transaction. */
export const modsecurity: Contender = {
  name: 'nginx + ModSecurity',
  start: async (_setup, upstream) => {
    if (!isInstalled('nginx') || !existsSync(MODSECURITY)) {
      console.error('SKIPPED: nginx + ModSecurity; install nginx and libnginx-mod-http-modsecurity')
      return undefined
    }
    const port = await freePort()
    const rules = temporaryFile(
      'modsecurity.rules',
      `
SecRuleEngine On
SecAuditEngine Off
SecResponseBodyAccess Off
SecRequestBodyAccess On
SecRequestBodyLimit 2097152
SecRequestBodyNoFilesLimit 2097152
SecRequestBodyLimitAction Reject
SecRequestBodyJsonDepthLimit 100
SecRule REQUEST_METHOD "!@within GET HEAD POST OPTIONS" "id:1,phase:1,deny,status:405,nolog"
SecRule REQUEST_FILENAME "!@rx ^/v1/(?:chain|history|trace_api)/|^/v1/node/get_supported_apis$" "id:2,phase:1,deny,status:403,nolog"
SecRule REQUEST_FILENAME "@streq /v1/chain/push_block" "id:3,phase:1,deny,status:403,nolog"
SecRule REQUEST_HEADERS:Content-Encoding "!@rx ^(?:identity)?$" "id:4,phase:1,deny,status:415,nolog"
SecRule REQUEST_METHOD "@streq POST" "id:5,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:6,phase:2,deny,status:400,nolog"
SecRule &ARGS:/^json\\.signatures\\./ "@gt 10" "id:7,phase:2,deny,status:400,nolog"
SecRule &ARGS:/^json\\.transaction\\.actions\\./ "@gt 0" "id:8,phase:2,deny,status:400,nolog"
SecRule ARGS:json.packed_trx "!@rx ^(?:[0-9A-Fa-f][0-9A-Fa-f])+$" "id:9,phase:2,deny,status:400,nolog"
`,
    )
    return started(port, [
      'nginx',
      '-c',
      nginxConfig('modsecurity', MODSECURITY, proxyServer(port, rules, upstream.port)),
    ])
  },
}

function proxyServer(port: number, rules: string, upstream: number): string {
  return `
  upstream nodeos {
    server 127.0.0.1:${upstream};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    client_max_body_size 2m;
    client_body_buffer_size 2m;
    modsecurity on;
    modsecurity_rules_file ${rules};
    location / {
      proxy_pass http://nodeos;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }`
}

/** An nginx configuration of one process in the foreground, without logs. */
export function nginxConfig(name: string, module: string | undefined, servers: string): string {
  const place = dirname(temporaryFile(`${name}.keep`, ''))
  const scratch = join(place, name)
  mkdirSync(scratch, { recursive: true })
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return temporaryFile(
    `${name}.conf`,
    `
daemon off;
master_process off;
pid ${scratch}/pid;
error_log stderr crit;
${module === undefined ? '' : `load_module ${module};`}
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 100000000;
  ${folders.map((folder) => `${folder}_temp_path ${scratch}/${folder};`).join(' ')}
${servers}
}
`,
  )
}

/** The filter of this repository on one of its runtimes. */
function filter(name: string, file: string, command: string[]): Contender {
  return {
    name,
    command,
    start: async (setup, upstream) => {
      const program = join(root, 'worker/runtimes', file)
      if (!existsSync(program)) return undefined
      return startFilter([...command, program], `${name}-${setup}`, {
        nodeosPort: upstream.port,
        // By default get_info is kept for half a second and a transaction under way is not sent again; here every request
        // is to reach the upstream.
        repeats: 0,
        ...(setup !== 'cached' && { cache: { paths: {} } }),
        ...(setup === 'bans' && { bans: { maxRetry: { malformed: 1 } }, trustedProxies: [] }),
        ...(setup === 'relay' && { logEndpoints: [upstream.relay] }),
      })
    },
  }
}

/** Starts a filter with a configuration on free ports of loopback. */
export async function startFilter(command: string[], name: string, config: object): Promise<RunningProxy> {
  const port = await freePort()
  const file = temporaryFile(
    `${name.replaceAll(' ', '-')}.json`,
    JSON.stringify({
      listenIP: '127.0.0.1',
      listenPort: port,
      configListenPort: 0,
      nodeosUrl: '127.0.0.1',
      ...config,
    }),
  )
  return started(port, [...command, '--configFile', file], { PATRONEOS_RELAY_SECRET: RELAY_SECRET })
}

export const RELAY_SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`

async function started(port: number, command: string[], env?: NodeJS.ProcessEnv): Promise<RunningProxy> {
  const child = start(PROXY_CORE, command, env)
  await listening(port, child)
  return { url: `http://127.0.0.1:${port}`, pid: child.pid! }
}

/** A runtime's own server and client, or its sockets alone: the limits of what is built on either. */
function bare(name: string, file: string, command: string[]): Contender {
  return {
    name,
    workloads: ['get_info', 'push 0.5 kB'],
    start: async (_setup, upstream) => {
      const port = await freePort()
      return started(port, [...command, join(import.meta.dirname, file), `${port}`, `${upstream.port}`])
    },
  }
}

export const limits: Contender[] = [
  bare('Node, bare', 'bare-node.ts', [process.execPath, ...NODE_OPTIONS]),
  bare('Bun, bare', 'bare-bun.ts', [binary('bun')]),
  bare('Node, sockets', 'bare-sockets.ts', [process.execPath, ...NODE_OPTIONS]),
  bare('Bun, sockets', 'bare-sockets.ts', [binary('bun')]),
]

export const filters: Contender[] = [
  filter('Patroneos on Node', 'node.ts', [process.execPath, ...NODE_OPTIONS]),
  filter('Patroneos on Bun', 'bun.ts', [binary('bun')]),
  filter('Patroneos on Deno', 'deno.ts', [binary('deno'), 'run', '--allow-all']),
]

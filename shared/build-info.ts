// Which program this is, and what it runs on.
import packageJson from '../package.json' with { type: 'json' }
import { family } from './prometheus.ts'

export const { version } = packageJson

/** The runtime and its version. Bun, Deno and Cloudflare call themselves Node too. */
function runtime(): [name: string, version: string] {
  if (globalThis.navigator?.userAgent === 'Cloudflare-Workers') return ['cloudflare', '']
  const versions = globalThis.process?.versions as Record<string, string | undefined> | undefined
  for (const name of ['bun', 'deno', 'node']) if (versions?.[name]) return [name, versions[name]]
  return ['unknown', '']
}

export function buildFamily(): string {
  const [name, runtimeVersion] = runtime()
  const labels = { version, runtime: name, runtime_version: runtimeVersion }
  return family('patroneos_build_info', 'gauge', '1, labelled with the version and what it runs on', [
    { labels, value: 1 },
  ])
}

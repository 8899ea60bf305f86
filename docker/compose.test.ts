// docker-compose.yml gives nobody more than it says, and what it starts from can be pinned.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

const read = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8')

interface Service {
  image: string
  read_only?: boolean
  cap_drop?: string[]
  cap_add?: string[]
  security_opt?: string[]
  network_mode?: string
  networks?: unknown
  privileged?: boolean
  ports?: string[]
  volumes?: string[]
  logging?: { driver: string }
}
const compose = parse(read('../docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>
}
const services = Object.entries(compose.services)

describe.each(services)('%s', (_name, service) => {
  test('has no rights that are not given one by one, and a root file system that nobody writes to', () => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      logging: { driver: 'local' },
    })
    expect(service.privileged).toBeUndefined()
    expect(service.volumes?.filter((one) => one.includes('docker.sock')) ?? []).toEqual([])
  })

  test('publishes ports on loopback alone', () => {
    expect(service.ports?.filter((port) => !port.startsWith('127.0.0.1:')) ?? []).toEqual([])
  })
})

test("only what serves clients or bans them has the host's network, or a right", () => {
  const rights = services.filter(([, { cap_add, network_mode }]) => cap_add ?? network_mode)
  expect(rights.map(([name, { cap_add, network_mode }]) => [name, network_mode, cap_add])).toEqual([
    ['haproxy', 'host', ['NET_BIND_SERVICE', 'SETUID', 'SETGID', 'CHOWN', 'FOWNER', 'KILL']],
    ['fail2ban', 'host', ['NET_ADMIN']],
    ['crowdsec', 'host', undefined],
    ['crowdsec-bouncer', 'host', ['NET_ADMIN']],
  ])
})

test('images that are pulled have a version, which .env can replace by a digest', () => {
  const pulled = services.map(([, { image }]) => image).filter((image) => image.includes('/'))
  expect(pulled).toHaveLength(2)
  for (const image of pulled) expect(image).toMatch(/^\$\{[A-Z]+_IMAGE:-[\w/-]+:v?\d+\.\d+\.\d+\}$/)
})

const dockerfiles = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('Dockerfile'))
  .map((file): [string, string] => [file, read(file)])

describe.each(dockerfiles)('%s', (_file, text) => {
  test('starts from images that a build argument pins, the same everywhere', () => {
    const bases = [...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
    expect(new Set(bases)).toEqual(
      new Set(bases.filter((base) => /^\$\{(?:NODE|DEBIAN)_IMAGE\}$/.test(base!))),
    )
    for (const [, name, image] of text.matchAll(/^ARG (NODE|DEBIAN)_IMAGE=(.+)$/gm))
      expect(image).toBe(name === 'NODE' ? 'node:24-bookworm-slim' : 'debian:bookworm-slim')
  })

  test('has labels, a health check, and a user or a reason for none', () => {
    for (const label of ['title', 'description'])
      expect(text).toMatch(new RegExp(`org\\.opencontainers\\.image\\.${label}="[^"]{5,}"`))
    expect(text).toContain('\nHEALTHCHECK ')
    expect(/^USER (?!root)/m.test(text) || /as root|NET_ADMIN/.test(text)).toBe(true)
  })
})

test('every Dockerfile is there', () => {
  expect(dockerfiles.map(([file]) => file).toSorted()).toEqual(
    ['crowdsec', 'fail2ban', 'filter', 'haproxy', 'nodeos', 'redis', 'relay'].map(
      (name) => `${name}/Dockerfile`,
    ),
  )
})

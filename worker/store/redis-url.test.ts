import { describe, expect, it } from 'vitest'
import { parseRedisUrl, showTarget } from './redis-url.ts'

const none = { tls: false, username: undefined, password: undefined, database: 0, service: '' }

describe('PATRONEOS_REDIS_URL', () => {
  it.each([
    ['redis://127.0.0.1', { kind: 'server', hosts: [{ host: '127.0.0.1', port: 6379 }] }],
    [
      'rediss://cache.example:6380/3',
      { kind: 'server', tls: true, hosts: [{ host: 'cache.example', port: 6380 }], database: 3 },
    ],
    [
      'redis://:p%40ss%23%2F@[::1]:7000/',
      { kind: 'server', hosts: [{ host: '::1', port: 7000 }], password: 'p@ss#/' },
    ],
    [
      'redis://patroneos:secret@redis',
      { kind: 'server', hosts: [{ host: 'redis', port: 6379 }], username: 'patroneos', password: 'secret' },
    ],
    [
      'redis-cluster://u:p@a:7000,b',
      {
        kind: 'cluster',
        hosts: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
        ],
        username: 'u',
        password: 'p',
      },
    ],
    [
      'rediss-sentinel://a,b:26380/1#main',
      {
        kind: 'sentinel',
        tls: true,
        hosts: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 26_380 },
        ],
        database: 1,
        service: 'main',
      },
    ],
  ])('%s', (text, expected) => {
    expect(parseRedisUrl(text)).toEqual({ ...none, ...expected })
  })

  it.each([
    ['', 'not a URL of Redis'],
    ['http://127.0.0.1:6379', 'not a URL of Redis'],
    ['redis://', 'not a URL of Redis'],
    ['redis://host:6379/x', 'not a URL of Redis'],
    ['redis://host:0', 'not hosts with ports'],
    ['redis://host:65536', 'not hosts with ports'],
    ['redis://a,,b', 'not hosts with ports'],
    ['redis://a,b', 'found 2 hosts'],
    ['redis-cluster://a,b/1', 'found database 1'],
    ['redis-sentinel://a,b', 'no service'],
    ['redis://host#main', 'found a # part'],
    ['redis://u:hunter2%@host', 'the password has a %'],
  ])('%j is refused: %s', (text, reason) => {
    expect(() => parseRedisUrl(text)).toThrow(reason)
  })

  it('is not repeated in errors, nor its password in the log', () => {
    for (const text of ['redis://u:hunter2@a,b', 'x://u:hunter2@host', 'redis://u:hunter2@host:0'])
      expect(() => parseRedisUrl(text)).toThrow(/^(?!.*hunter2)/)
    expect(showTarget(parseRedisUrl('rediss-cluster://u:hunter2@[::1],b:1'))).toBe(
      'rediss-cluster://[::1]:6379,b:1',
    )
  })
})

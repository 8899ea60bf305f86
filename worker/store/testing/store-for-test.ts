// A redis-server, and stores on it, that end with the test.
import { onTestFinished } from 'vitest'
import { createLogger } from '../../../shared/logger.ts'
import { parseRedisUrl } from '../redis-url.ts'
import { openSharedStore, type SharedStore } from '../shared-store.ts'
import { createRedisServer, type RedisServer } from './redis-server.ts'

export async function redisForTest(options?: string[]): Promise<RedisServer> {
  const server = await createRedisServer(options)
  onTestFinished(() => server.stop())
  await server.start()
  return server
}

/** The configuration of a program over a shared store, before a node on this machine. */
export function configOverRedis(nodeosPort: number, settings: object) {
  return { nodeosUrl: '127.0.0.1', nodeosPort, cache: { paths: {} }, store: 'redis', ...settings }
}

/** Milliseconds: no answer is as late as that, however busy a machine is. */
const LONG_WAIT = 5_000

/** With its log, as JSON lines. What is decided without an answer is no matter of chance: `wait` is in milliseconds. */
export async function storeForTest(url: string, wait = LONG_WAIT): Promise<SharedStore & { log: string[] }> {
  const log: string[] = []
  const logger = createLogger({ readable: false, write: (line) => log.push(line) })
  const store = await openSharedStore({ target: parseRedisUrl(url), prefix: 'patroneos', logger, wait })
  onTestFinished(() => store.close())
  return Object.assign(store, { log })
}

/** Watches one server, as "main", and changes to its replica soon. */
export async function sentinelForTest(port: number): Promise<RedisServer> {
  const sentinel = await createRedisServer(
    [
      `sentinel monitor main 127.0.0.1 ${port} 1`,
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 5000',
    ],
    ['--sentinel'],
  )
  onTestFinished(() => sentinel.stop())
  await sentinel.start()
  return sentinel
}

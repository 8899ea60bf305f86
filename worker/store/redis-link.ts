// Connections to Redis or Valkey, kept up by the client of the redis project: one for commands and one that listens. The
// client is loaded here only, so that a filter without a shared store has nothing of it.
import type { RedisTarget } from './redis-url.ts'

/** What a command or a script answers. */
export type Reply = string | number | null | Reply[]

export interface RedisLink {
  /** Sends a command, to the server that has `key`. Rejects at once while there is no connection. */
  send(key: string, args: string[]): Promise<Reply>
  /** Hears of what is published on a channel, after every reconnection too. */
  subscribe(channel: string, listener: (message: string) => void): Promise<void>
  close(): void
}

export interface LinkListeners {
  /** A connection could not be made, or broke: another is made. */
  onError(error: Error): void
  /** The listening connection is there, again: what was published meanwhile was missed. */
  onListening(): void
}

/** Milliseconds to connect, and without a sign of life on a connection, after which another one is made. */
const CONNECT_TIMEOUT = 2_000
const SILENCE = 5_000
const PING_INTERVAL = 1_000

/** Milliseconds between tries to connect, at random, so that filters that lost it at one time do not come back at one. */
const LEAST_PAUSE = 100
const MOST_PAUSE = 1_000

type Client = typeof import('@redis/client')
type Options = ReturnType<typeof optionsOf>

/** Whoever asks has a time limit of its own; the client's would be a timer for each command. */
const commandOptions = { timeout: 0 }

/** Returns at once; connections are made meanwhile, for as long as it takes. */
export async function openLink(target: RedisTarget, listeners: LinkListeners): Promise<RedisLink> {
  const client = await import('@redis/client')
  const options = optionsOf(target)
  if (target.kind === 'cluster') return clusterLink(client, target, options, listeners)
  if (target.kind === 'sentinel') return sentinelLink(client, target, options, listeners)
  return serverLink(client, target, options, listeners)
}

function optionsOf({ tls, username, password, database }: RedisTarget) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    database,
    // What the user of least rights may not, and nothing needs.
    disableClientInfo: true,
    maintNotifications: 'disabled' as const,
    // Nobody waits for a connection.
    disableOfflineQueue: true,
    pingInterval: PING_INTERVAL,
    socket: {
      ...(tls && { tls: true as const }),
      connectTimeout: CONNECT_TIMEOUT,
      socketTimeout: SILENCE,
      reconnectStrategy: () => LEAST_PAUSE + Math.random() * (MOST_PAUSE - LEAST_PAUSE),
    },
  }
}

function serverLink(
  { createClient }: Client,
  { hosts }: RedisTarget,
  options: Options,
  { onError, onListening }: LinkListeners,
): RedisLink {
  const [{ host, port }] = hosts as [RedisTarget['hosts'][0]]
  const client = createClient({ ...options, commandOptions, socket: { ...options.socket, host, port } })
  const listening = client.duplicate()
  listening.on('ready', onListening)
  for (const each of [client, listening]) {
    each.on('error', onError)
    // It rejects where it was closed meanwhile only; other errors are told to the listener.
    each.connect().catch(() => {})
  }
  return {
    send: (_key, args) => client.sendCommand<Reply>(args),
    subscribe: (channel, listener) => listening.subscribe(channel, listener),
    close: () => {
      client.destroy()
      listening.destroy()
    },
  }
}

function clusterLink(
  { createCluster }: Client,
  { hosts }: RedisTarget,
  options: Options,
  { onError, onListening }: LinkListeners,
): RedisLink {
  const cluster = createCluster({
    rootNodes: hosts.map((host) => ({ socket: host })),
    defaults: options,
    commandOptions,
  })
  cluster.on('error', onError)
  const connected = keepTrying(() => cluster.connect().then(onListening), onError)
  return {
    send: (key, args) => cluster.sendCommand<Reply>(key, false, args),
    subscribe: async (channel, listener) => {
      await connected.done
      await cluster.subscribe(channel, listener)
    },
    close: () => {
      connected.stop()
      cluster.destroy()
    },
  }
}

function sentinelLink(
  { createSentinel }: Client,
  { hosts, service }: RedisTarget,
  options: Options,
  { onError, onListening }: LinkListeners,
): RedisLink {
  const sentinel = createSentinel({
    name: service,
    sentinelRootNodes: hosts,
    nodeClientOptions: options,
    // User and password are those of the servers.
    sentinelClientOptions: { socket: options.socket },
    commandOptions,
  })
  sentinel.on('error', onError)
  const connected = keepTrying(() => sentinel.connect().then(onListening), onError)
  return {
    send: (_key, args) => sentinel.sendCommand<Reply>(false, args),
    subscribe: async (channel, listener) => {
      await connected.done
      await sentinel.subscribe(channel, listener)
    },
    close: () => {
      connected.stop()
      void sentinel.destroy()
    },
  }
}

/** Cluster and sentinels give up where none of theirs can be asked at the start. */
function keepTrying(connect: () => Promise<unknown>, onError: (error: Error) => void) {
  let stopped = false
  const done = (async () => {
    while (!stopped) {
      try {
        return await connect()
      } catch (error) {
        onError(error as Error)
        await new Promise((resolve) => setTimeout(resolve, MOST_PAUSE))
      }
    }
  })()
  return {
    done,
    stop: () => {
      stopped = true
    },
  }
}

// The part of Cloudflare's interfaces that the filter uses: developers.cloudflare.com/workers/runtime-apis.

declare module 'cloudflare:workers' {
  export class DurableObject<Env = unknown> {
    protected ctx: DurableObjectState
    protected env: Env
    constructor(ctx: DurableObjectState, env: Env)
  }
}

interface DurableObjectState {
  storage: DurableObjectStorage
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>
}

interface DurableObjectStorage {
  get<T>(key: string): Promise<T | undefined>
  list<T>(): Promise<Map<string, T>>
  put(key: string, value: unknown): Promise<void>
  delete(keys: string | string[]): Promise<unknown>
  deleteAll(): Promise<void>
  getAlarm(): Promise<number | null>
  /** Unix time in milliseconds. */
  setAlarm(time: number): Promise<void>
}

/** Remote procedure calls return promises of what the methods return. */
type DurableObjectStub<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never
}

interface DurableObjectNamespace<T> {
  getByName(name: string): DurableObjectStub<T>
}

interface KVNamespace {
  get(key: string, options: { type: 'json'; cacheTtl?: number }): Promise<unknown>
  put(key: string, value: string, options?: { expirationTtl: number }): Promise<void>
}

interface RateLimit {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void
}

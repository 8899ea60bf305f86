// Runs the relay as a process for tests: on a port and in a folder of its own, and again after it was stopped.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../e2e/http/wire.ts'

export interface RelayProcess {
  url: string
  /** Of the config listener, once it was started. */
  configUrl(): string
  start(): Promise<void>
  /** Sends SIGTERM and resolves to the exit code. */
  stop(): Promise<number | null>
  signal(name: NodeJS.Signals): void
  /** Sends SIGKILL and resolves when it is gone. */
  kill(): Promise<void>
}

export async function createRelayProcess(
  folder: string,
  config: object,
  env: NodeJS.ProcessEnv,
): Promise<RelayProcess> {
  const port = await freePort()
  const configFile = join(folder, 'relay.json')
  writeFileSync(
    configFile,
    JSON.stringify({ listenIP: '127.0.0.1', listenPort: port, configListenPort: 0, ...config }),
  )
  let child: ChildProcess | undefined
  let configAddress = ''
  return {
    url: `http://127.0.0.1:${port}`,
    configUrl: () => `http://${configAddress}`,
    start: async () => {
      child = spawn(process.execPath, [join(import.meta.dirname, '../node.ts'), '--configFile', configFile], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await new Promise<void>((resolve, reject) => {
        child!.once('exit', (code) => reject(new Error(`the relay ended with ${code}`)))
        child!.stdout!.on('data', (text) => {
          const [, address] = /listening on .* config on ([\d.:]+)/.exec(String(text)) ?? []
          if (address === undefined) return
          configAddress = address
          resolve()
        })
      })
    },
    stop: async () => {
      if (child!.exitCode !== null) return child!.exitCode
      child!.kill('SIGTERM')
      const [code] = await once(child!, 'exit')
      return code
    },
    kill: async () => {
      child!.kill('SIGKILL')
      if (child!.signalCode === null) await once(child!, 'exit')
    },
    signal: (name) => {
      child!.kill(name)
    },
  }
}

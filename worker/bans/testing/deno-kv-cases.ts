// A Deno program that runs the cases of a driver on a Deno KV in memory and writes what came of them.
import { type DenoKv, denoKvBanDriver } from '../drivers/deno-kv.ts'
import { runDriverCases } from './driver-cases.ts'

declare const Deno: { openKv(path: string): Promise<DenoKv> }

console.log(JSON.stringify(await runDriverCases(denoKvBanDriver(await Deno.openKv(':memory:')))))

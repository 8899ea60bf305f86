// Answers to looks at nodes, as tests of several nodes need them.
import type { UpstreamAnswer } from '../platform.ts'
import { CHAIN_ID } from './nodeos-stand-in.ts'

export function lookAnswer(status: number, body: unknown): UpstreamAnswer {
  return { status, headers: [], body: new TextEncoder().encode(JSON.stringify(body)) }
}

export interface InfoOptions {
  /** Seconds since the head block. */
  age?: number
  head?: number
  chainId?: string
  irreversible?: number
}

/** The body of an answer to get_info. */
export function infoBody({
  age = 0.3,
  head = 1_000,
  chainId = CHAIN_ID,
  irreversible = head - 2,
}: InfoOptions) {
  return {
    chain_id: chainId,
    head_block_num: head,
    head_block_time: new Date(Date.now() - age * 1000).toISOString().slice(0, -1),
    last_irreversible_block_num: irreversible,
  }
}

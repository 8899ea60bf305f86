// The upstream of every run: nginx that answers reads with 200 and pushes with 202, as nodeos does.
import { freePort } from '../e2e/http/wire.ts'
import { LOAD_CORE, listening, start } from './processes.ts'
import { nginxConfig } from './proxies.ts'

const INFO = JSON.stringify({
  server_version: 'd133c641',
  chain_id: 'aca376f206b8fc25a6ed44dbdc66547c36c6c33e3a119ffbeaef943642f0e906',
  head_block_num: 345678901,
  last_irreversible_block_num: 345678899,
  last_irreversible_block_id: '149a9733a4b1a4d2d2d9e3c4bfe8e0e0b1f5a7c2e1d0c9b8a7968574635241f0',
  head_block_id: '149a9735a4b1a4d2d2d9e3c4bfe8e0e0b1f5a7c2e1d0c9b8a7968574635241f1',
  head_block_time: '2026-11-23T16:20:11.000',
  head_block_producer: 'eosnationftw',
  virtual_block_cpu_limit: 200000,
  virtual_block_net_limit: 1048576000,
  block_cpu_limit: 200000,
  block_net_limit: 1048576,
  server_version_string: 'v1.1.2',
  fork_db_head_block_num: 345678901,
  server_full_version_string: 'v1.1.2-d133c6413ce8ce2e96096a0513ec25b4a8dbe837',
  total_cpu_weight: '383132908135606',
  total_net_weight: '96029213408124',
  earliest_available_block_num: 1,
  last_irreversible_block_time: '2026-11-23T16:20:10.000',
})

const TRACE = JSON.stringify({
  transaction_id: 'ab'.repeat(32),
  processed: {
    id: 'ab'.repeat(32),
    block_num: 345678902,
    block_time: '2026-11-23T16:20:11.500',
    receipt: { status: 'executed', cpu_usage_us: 153, net_usage_words: 16 },
    elapsed: 153,
    net_usage: 128,
    scheduled: false,
    action_traces: [],
    account_ram_delta: null,
    except: null,
    error_code: null,
  },
})

export interface Upstream {
  port: number
  /** Requests that it has had so far. */
  requests(): Promise<number>
}

export async function startUpstream(wantedPort?: string): Promise<Upstream> {
  const port = wantedPort === undefined ? await freePort() : Number(wantedPort)
  const config = nginxConfig(
    'upstream',
    undefined,
    `
  server {
    listen 127.0.0.1:${port} backlog=4096;
    client_max_body_size 16m;
    client_body_buffer_size 4m;
    default_type application/json;
    location / { return 200 '${INFO}'; }
    location = /v1/chain/push_transaction { return 202 '${TRACE}'; }
    location = /status { stub_status; }
  }`,
  )
  const child = start(LOAD_CORE, ['nginx', '-c', config])
  await listening(port, child)
  return {
    port,
    requests: async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/status`)).text()
      return Number(/\d+ \d+ (\d+)/.exec(text)![1])
    },
  }
}

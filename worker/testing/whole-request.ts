// What tests ask, as a whole request that is judged without a connection.
import type { WholeRequest } from '../../shared/check-request.ts'
import type { Ask } from './harness.ts'

export const FROM = '127.0.0.1'

export function wholeOf({ target = '/v1/chain/get_info', method, headers = [], body }: Ask): WholeRequest {
  return {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    target,
    headers: ['Host', 'x', 'Connection', 'close', ...headers],
    body: Buffer.from(body ?? ''),
    from: FROM,
    time: undefined,
  }
}

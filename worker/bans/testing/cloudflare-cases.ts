// A Worker that runs the cases of a driver on Cloudflare's own stores and answers with what came of them.
import { type BanBindings, cloudflareBanDriver } from '../drivers/cloudflare.ts'
import { runDriverCases } from './driver-cases.ts'

export { LimitCounter } from '../../limits/edge-counter.ts'
export { BanCounter, BanList } from '../drivers/cloudflare-objects.ts'

export default {
  async fetch(_request: Request, env: BanBindings): Promise<Response> {
    return Response.json(await runDriverCases(cloudflareBanDriver(env)))
  },
}

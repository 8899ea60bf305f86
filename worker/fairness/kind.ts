// Which requests take alike, told by the requests themselves.
import { bodyText } from '../body-text.ts'

/** How many rows a read of a table asks for. nodeos: plugins/chain_plugin (get_table_rows_params). */
const LIMIT = /"limit"\s*:\s*"?(\d{1,10})/

/** Bytes of the longest body that is looked into: those of reads are short. */
const MAX_BODY = 4_096

/** Calls of one path; where a body asks for a number of rows, those that ask for about as many, in powers of four. */
export function kindOf(path: string, body: Uint8Array | string | null): string {
  if (body === null || body.length > MAX_BODY) return path
  const limit = Number(LIMIT.exec(bodyText(body))?.[1] ?? 0)
  return limit > 0 ? `${path} ${Math.floor(Math.log2(limit) / 2)}` : path
}

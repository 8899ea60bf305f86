// patroneos decode: a packed transaction as readable JSON.
import { Command } from 'commander'
import { isObject } from '../../shared/json.ts'
import { decodeHex, inflate } from '../../worker/transactions/bytes.ts'
import {
  type ReadableTransaction,
  readEnvelope,
  readTransaction,
} from '../../worker/transactions/readable.ts'
import { CommandError } from '../command-error.ts'
import { parseJsonText, readInput } from '../input/text.ts'
import { printJson } from '../output/style.ts'

/** Bytes of the largest transaction that is inflated. */
const MAX_BYTES = 268_435_456

export function decode(): Command {
  return new Command('decode')
    .description('print a packed transaction as readable JSON, compressed or not')
    .argument(
      '<transaction>',
      'hexadecimal, or the JSON of a body that carries transactions; or a file with it; or - for standard input',
    )
    .addHelpText(
      'after',
      `
Examples:
  patroneos decode 5f3b7c67a1b2c3d4e5f60000000000
  curl -s http://127.0.0.1:8888/v1/chain/get_block -d '{"block_num_or_id": 100}' | jq '.transactions[0].trx' | patroneos decode -`,
    )
    .action((argument: string) => {
      printJson(decodeText(readInput(argument).toString().trim()))
    })
}

/** One transaction, or a list where the text has one. */
export function decodeText(text: string): object {
  if (/^[[{]/.test(text)) return decodeJson(parseJsonText(text, 'the transaction'))
  const hex = text.replace(/^["']|["']$|\s+/g, '').replace(/^0x/, '')
  const bytes = hex === '' ? undefined : decodeHex(hex)
  if (!bytes)
    throw new CommandError(
      `found ${JSON.stringify(text.slice(0, 60))}; allowed: hexadecimal, or JSON with "packed_trx"`,
    )
  const found = readTransaction(bytes) ?? readInflated(bytes)
  if (!found)
    throw new CommandError(`${bytes.length} bytes that are no packed transaction, with zlib or without`)
  return found
}

function readInflated(bytes: Uint8Array): (ReadableTransaction & { compression: 'zlib' }) | undefined {
  const inflated = inflate(bytes, MAX_BYTES)
  const found = 'bytes' in inflated ? readTransaction(inflated.bytes) : undefined
  return found && { ...found, compression: 'zlib' }
}

function decodeJson(json: unknown): object {
  if (Array.isArray(json)) return json.map(decodeJson)
  if (isObject(json) && isObject(json.transaction) && typeof json.packed_trx !== 'string')
    return decodeJson(json.transaction)
  if (!isObject(json) || typeof json.packed_trx !== 'string')
    throw new CommandError(
      'the JSON has no "packed_trx"; a signed transaction as push_transaction takes it has',
    )
  const found = readEnvelope(unsigned(json))
  if (!found) throw new CommandError('"packed_trx" is empty')
  if ('code' in found) throw new CommandError(found.detail)
  return found
}

/** As in a block, where only the packed form may stand. */
function unsigned(json: object): object {
  return { signatures: [], compression: 'none', ...json }
}

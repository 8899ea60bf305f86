// Transactions as client libraries build and sign them, with keys that are made for one run and thrown away.
import {
  APIClient,
  Bytes,
  KeyType,
  PrivateKey,
  Serializer,
  SignedTransaction,
  Transaction,
} from '@wharfkit/antelope'
import { Api, JsonRpc } from 'eosjs'
import { JsSignatureProvider } from 'eosjs/dist/eosjs-jssig.js'
import type { PushTransactionArgs } from 'eosjs/dist/eosjs-rpc-interfaces.js'
import { CHAIN_ID, CONTRACT_ABI } from './nodeos-stand-in.ts'

export interface ActionSpec {
  account: string
  name: string
  authorization: { actor: string; permission: string }[]
  data: object
}

/** A transfer between two accounts. */
export function transfer(from: string, to: string, contract = 'eosio.token'): ActionSpec {
  const authorization = [{ actor: from, permission: 'active' }]
  return { account: contract, name: 'transfer', authorization, data: { from, to } }
}

/** An action whose data is `bytes` bytes of nothing, and the two or three that say how many. */
export function blob(bytes: number): ActionSpec {
  const authorization = [{ actor: 'alice', permission: 'active' }]
  return { account: 'storage', name: 'blob', authorization, data: { content: '00'.repeat(bytes) } }
}

export interface TransactionSpec {
  actions: ActionSpec[]
  contextFreeActions?: ActionSpec[]
  /** Hexadecimal. */
  contextFreeData?: string[]
  keys?: PrivateKey[]
  /** Ten minutes from now where it is not given. */
  expiration?: string
}

/** An expiration that a test does not live to see, as every chain allows. */
export const soon = () => new Date(Date.now() + 600_000).toISOString().slice(0, 19)

export const throwAwayKeys = (count: number, type = KeyType.K1) =>
  Array.from({ length: count }, () => PrivateKey.generate(type))

const [defaultKey] = throwAwayKeys(1)

/** eosjs asking through a URL: chain information, ABIs and required keys come that way too. */
export function eosjsClient(url: string, keys = [defaultKey!]) {
  const rpc = new JsonRpc(url, { fetch })
  const api = new Api({
    rpc,
    signatureProvider: new JsSignatureProvider(keys.map(String)),
    textDecoder: new TextDecoder(),
    textEncoder: new TextEncoder(),
  })
  return { rpc, api }
}

/** Builds and signs with eosjs. */
export async function signWithEosjs(url: string, spec: TransactionSpec): Promise<PushTransactionArgs> {
  const { api } = eosjsClient(url, spec.keys)
  const signed = await api.transact(
    {
      actions: spec.actions,
      context_free_actions: (spec.contextFreeActions ?? []).map((action) => ({
        ...action,
        authorization: [],
      })),
      context_free_data: (spec.contextFreeData ?? []).map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))),
    },
    { broadcast: false, blocksBehind: 3, expireSeconds: 30 },
  )
  return signed as PushTransactionArgs
}

export const wharfkitClient = (url: string) => new APIClient({ url })

/** Builds and signs with wharfkit. */
export function signWithWharfkit(spec: TransactionSpec): SignedTransaction {
  const encode = ({ data, ...action }: ActionSpec) => ({
    ...action,
    data: Serializer.encode({ object: data, abi: CONTRACT_ABI, type: action.name }),
  })
  const transaction = Transaction.from({
    expiration: spec.expiration ?? soon(),
    ref_block_num: 100,
    ref_block_prefix: 3_735_928_559,
    actions: spec.actions.map(encode),
    context_free_actions: (spec.contextFreeActions ?? []).map((action) => ({
      ...encode(action),
      authorization: [],
    })),
  })
  const digest = transaction.signingDigest(CHAIN_ID)
  return SignedTransaction.from({
    ...transaction,
    context_free_data: (spec.contextFreeData ?? []).map((hex) => Bytes.from(hex)),
    signatures: (spec.keys ?? [defaultKey!]).map((key) => key.signDigest(digest)),
  })
}

// The keys that filter and relay share.
import * as v from 'valibot'
import { unbracketed } from '../address.ts'
import {
  accountName,
  flag,
  headerName,
  headerValue,
  httpUrl,
  integer,
  isAddress,
  isHostName,
  isOneMachine,
  key,
  list,
  listenAddress,
  map,
  nameList,
  text,
  upstreamPort,
} from './values.ts'

/** The keys of the original that both programs take, so that one file may serve both. */
export const common = {
  $schema: v.optional(
    v.pipe(
      v.string('the address of a JSON Schema, for editors'),
      v.description(
        'Address of the JSON Schema by which editors complete the file; nothing else comes of it',
      ),
    ),
  ),
  listenIP: key(listenAddress, '', 'Address to listen on; "" is all addresses'),
  configListenIP: key(
    listenAddress,
    '127.0.0.1',
    'Address of the config listener; off loopback only with a token',
  ),
  console: key(
    flag,
    true,
    'The console at /patroneos of the config listener, and the lists of clients and requests that it shows; false keeps none',
  ),
  logEndpoints: key(list(httpUrl, 'a list of URLs'), [], 'Base URLs of the relays that get the reports'),
  filterEndpoints: key(list(httpUrl, 'a list of URLs'), [], 'Base URLs of the filters behind the proxy'),
  logFileLocation: key(
    text('a path', (value) => value !== '' && !value.includes('\0')),
    './fail2ban.log',
    'File that the relay writes and fail2ban reads',
  ),
  headers: key(
    map(headerName, headerValue, 'an object of header names and values'),
    {},
    'Headers set on every response; "" removes one',
  ),
  nodeosProtocol: key(
    v.picklist(['http', 'https'], '"http" or "https"'),
    'http',
    'Protocol that nodeos speaks',
  ),
  nodeosUrl: key(
    text(
      'a host name or an address, without protocol, port and path',
      (value) => isHostName(value) || (isAddress(unbracketed(value)) && isOneMachine(value)),
    ),
    '127.0.0.1',
    'Host name or address of nodeos',
  ),
  nodeosPort: key(upstreamPort, '8888', 'Port of nodeos'),
  contractBlackList: key(
    nameList(accountName, 'badcontract'),
    {},
    'Contracts whose actions are rejected, as {"name": true}',
  ),
  maxSignatures: key(integer(0, 1_000_000), 10, 'Signatures per transaction'),
  maxTransactionSize: key(
    integer(0, 1_073_741_824, 'bytes'),
    1_048_576,
    "Bytes of a packed transaction, of its context-free data and of each action's data, after decompression",
  ),
  maxTransactions: key(integer(0, 1_000_000), 32, 'Transactions per request; 0 is unlimited'),
}

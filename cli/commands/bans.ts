// patroneos bans: the filter's own bans.
import { Command } from 'commander'
import { CommandError, NO } from '../command-error.ts'
import { print, printJson } from '../output/style.ts'
import { table } from '../output/table.ts'
import { askJson, askServer, defaultServer, detailOf } from '../server.ts'

interface Ban {
  network: string
  until: string
  times: number
  byHand: boolean
}

const ROUTE = '/patroneos/bans'

export function bans(exit: (code: number) => void): Command {
  const command = new Command('bans').description("list, add and lift the filter's own bans")
  command.addHelpText(
    'after',
    `
Examples:
  patroneos bans list
  patroneos bans add 203.0.113.9 --for 3600
  patroneos bans lift 203.0.113.9`,
  )
  return command.addCommand(list()).addCommand(add()).addCommand(lift(exit))
}

const withServer = (command: Command) =>
  command.option('-s, --server <url>', 'config listener of the filter', defaultServer())

function list(): Command {
  return withServer(new Command('list'))
    .description('list the bans in force')
    .option('--json', 'print JSON')
    .action(async ({ server, json }: { server: string; json?: boolean }) => {
      const found = await askJson<Ban[]>(server, { path: ROUTE }, ROUTE)
      if (json) return printJson(found)
      if (found.length === 0) return print('nobody is banned')
      for (const line of table(['network', 'until', 'bans in a row'], found.map(rowOf), [
        'left',
        'left',
        'right',
      ]))
        print(line)
    })
}

const rowOf = ({ network, until, times, byHand }: Ban) => [network, until, byHand ? 'by hand' : String(times)]

function add(): Command {
  return withServer(new Command('add'))
    .description('ban the network of an address: an IPv4 address itself, or the /64 of an IPv6 one')
    .argument('<address>', 'address, or network as listed')
    .option('--for <seconds>', 'how long', '3600')
    .action(async (address: string, options: { server: string; for: string }) => {
      const seconds = Number(options.for)
      if (!Number.isInteger(seconds) || seconds < 1)
        throw new CommandError(
          `--for: found ${JSON.stringify(options.for)}; allowed: a whole number of seconds from 1`,
        )
      const question = { method: 'POST', path: ROUTE, body: { client: address, seconds } }
      const ban = await askJson<Ban>(options.server, question, `POST ${ROUTE}`)
      print(`${ban.network} is banned until ${ban.until}`)
    })
}

function lift(exit: (code: number) => void): Command {
  return withServer(new Command('lift'))
    .description('end the ban of an address, and forget its strikes')
    .argument('<address>', 'address, or network as listed')
    .action(async (address: string, { server }: { server: string }) => {
      const path = `${ROUTE}/${encodeURIComponent(address.replace(/\/64$/, ''))}`
      const { status, text } = await askServer(server, { method: 'DELETE', path })
      if (status === 204) return print(`${address} is not banned any more`)
      if (status !== 404) throw new CommandError(`${server}: ${detailOf(text)}`)
      print(detailOf(text))
      exit(NO)
    })
}

// The filter against the model of nodeos, for as long as wanted:
//   node e2e/fuzz/differential.ts --cases 200000 --seed 1
// Exits with 1 and shows the smallest request that breaks a promise, if it finds one. --except takes a regular
// expression for breaches that are known, to find the next.
import { parseArgs } from 'node:util'
import { RULES } from './breaches.ts'
import { createSend } from './filter.ts'
import { searchBreach, showBreach } from './search.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '200000' },
    except: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const cases = Number(values.cases)
const seed = Number(values.seed)
console.log(`${cases} cases, seed ${seed}`)

const counts = new Map<string, number>()
const started = performance.now()
for (const [index, [name, rules]] of Object.entries(RULES).entries()) {
  const breach = await searchBreach(createSend(rules), rules, {
    cases: Math.ceil(cases / Object.keys(RULES).length),
    seed: seed + index,
    except: values.except === undefined ? undefined : new RegExp(values.except),
    watch: (_request, { forwarded, response }) => {
      const code = /"message":"([A-Z_]+)"/.exec(response.text)?.[1] ?? String(response.status)
      const what = forwarded.length > 0 ? 'forwarded' : code
      counts.set(what, (counts.get(what) ?? 0) + 1)
    },
  })
  if (!breach) continue
  console.error(`With the rules "${name}":\n${showBreach(breach)}`)
  process.exit(1)
}
for (const [what, count] of [...counts].toSorted(([, a], [, b]) => b - a)) console.log(`${count}\t${what}`)
console.log(`no promise broken in ${Math.round((performance.now() - started) / 1000)} s`)

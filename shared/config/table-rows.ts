// The keys for reads of tables.
import * as v from 'valibot'
import { tableName } from './rate-limits.ts'
import { integer, key, nameList, section } from './values.ts'

const tableRows = section(
  {
    maxLimit: v.optional(integer(0, 4_294_967_295, 'rows; 0 is off'), 0),
    over: v.optional(v.picklist(['reject', 'clamp'], '"reject" or "clamp"'), 'reject'),
    blackList: v.optional(nameList(tableName, 'contract::table'), {}),
  },
  'an object with maxLimit, over and blackList',
)

export const tableRowsKeys = {
  tableRows: key(
    tableRows,
    {},
    'Reads of tables: more than "maxLimit" rows (0 is off) are rejected, or with "over": "clamp" forwarded with that limit; tables in "blackList", as {"contract::table": true}, are not read',
  ),
}

// The keys for the filter's access log.
import * as v from 'valibot'
import { key, section, text } from './values.ts'

const accessLog = section(
  {
    log: v.optional(v.picklist(['off', 'violations', 'all'], '"off", "violations" or "all"'), 'off'),
    file: v.optional(
      text('a path, or "" for standard output', (value) => !value.includes('\0')),
      '',
    ),
    format: v.optional(v.picklist(['combined', 'ecs'], '"combined" or "ecs"'), 'combined'),
  },
  'an object with log, file and format',
)

export const accessLogKeys = {
  accessLog: key(
    accessLog,
    {},
    'One line for each request ("all"), or for each that broke a rule or a limit ("violations"), to "file" or to standard output (""), as nginx and Apache write it ("combined") or as JSON of the Elastic Common Schema ("ecs")',
  ),
}

export type AccessLogConfig = v.InferOutput<typeof accessLog>

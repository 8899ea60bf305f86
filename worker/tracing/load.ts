// Loads OpenTelemetry where the environment asks for it, and nowhere else: it is an optional dependency of many packages.
import type { Logger } from '../../shared/logger.ts'
import { StartError } from '../../shared/program/start-error.ts'
import type { Tracing } from './tracing.ts'

/** Throws a StartError where it is asked for and not installed. */
export async function loadTracing(
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Promise<Tracing | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SDK_DISABLED } = environment
  if (!(OTEL_EXPORTER_OTLP_ENDPOINT || OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) || OTEL_SDK_DISABLED === 'true')
    return undefined
  const { openTelemetry } = await import('./open-telemetry.ts').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new StartError(
      'OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: install the peerDependencies of package.json',
    )
  })
  return openTelemetry(environment, logger)
}

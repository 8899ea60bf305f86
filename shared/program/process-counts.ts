// What a process uses of its machine, and how late its event loop is. Names follow Prometheus's guide for client
// libraries (prometheus.io/docs/instrumenting/writing_clientlibs, "Process metrics").
import { readdirSync, readFileSync } from 'node:fs'
import { Histogram, type Observed, WAITING_BOUNDS } from '../histogram.ts'
import { histogramFamily, single } from '../prometheus.ts'

/** Of one process, or the sums of several. */
export interface ProcessCounts {
  processes: number
  cpuSeconds: number
  residentBytes: number
  heapBytes: number
  /** 0 where the system does not say. */
  openFds: number
  maxFds: number
  loopDelay: Observed
}

/** Milliseconds between two looks at how late the event loop is. */
const SAMPLE_INTERVAL = 50

const began = Date.now() / 1000

/** Measures this process from now on. */
export function countProcess(): () => ProcessCounts {
  const loopDelay = new Histogram(WAITING_BOUNDS)
  // Not monitorEventLoopDelay, whose percentiles cannot be added up over processes, nor be asked for by two readers.
  let last = performance.now()
  setInterval(() => {
    const now = performance.now()
    loopDelay.observe(Math.max(0, now - last - SAMPLE_INTERVAL) / 1000)
    last = now
  }, SAMPLE_INTERVAL).unref()

  return () => {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed } = process.memoryUsage()
    return {
      processes: 1,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: rss,
      heapBytes: heapUsed,
      ...descriptors(),
      loopDelay: loopDelay.observed(),
    }
  }
}

/** What is still true of a process that is gone. */
export const withoutProcessGauges = (counts: ProcessCounts): ProcessCounts => ({
  ...counts,
  processes: 0,
  residentBytes: 0,
  heapBytes: 0,
  openFds: 0,
  maxFds: 0,
})

function descriptors(): { openFds: number; maxFds: number } {
  try {
    // Linux; Deno allows it to whom it allows everything.
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return { openFds: readdirSync('/proc/self/fd').length, maxFds: Number(limit ?? 0) }
  } catch {
    return { openFds: 0, maxFds: 0 }
  }
}

export function processFamilies(counts: ProcessCounts): string[] {
  const { processes, cpuSeconds, residentBytes, heapBytes, openFds, maxFds, loopDelay } = counts
  const gauge = (name: string, help: string, value: number) => single(name, 'gauge', help, value)
  return [
    single('process_cpu_seconds_total', 'counter', 'Seconds of CPU time, over all processes', cpuSeconds),
    gauge('process_resident_memory_bytes', 'Resident memory, over all processes', residentBytes),
    gauge('process_heap_bytes', 'Used memory of the JavaScript heap, over all processes', heapBytes),
    ...(maxFds > 0
      ? [
          gauge('process_open_fds', 'Open file descriptors, over all processes', openFds),
          gauge('process_max_fds', 'Allowed file descriptors, over all processes', maxFds),
        ]
      : []),
    gauge('process_start_time_seconds', 'Unix time at which the program started', began),
    gauge('patroneos_processes', 'Processes that are added up here', processes),
    histogramFamily(
      'patroneos_event_loop_delay_seconds',
      `Seconds that a timer of ${SAMPLE_INTERVAL} ms was late, over all processes`,
      WAITING_BOUNDS,
      [{ labels: {}, observed: loopDelay }],
    ),
  ]
}

// The text that Prometheus reads (exposition format 0.0.4).

export interface Sample {
  labels: Record<string, string>
  value: number
}

/** One family of samples, with its help and type. */
export function family(name: string, type: 'counter' | 'gauge', help: string, samples: Sample[]): string {
  const lines = samples.map(({ labels, value }) => {
    // JSON escapes a label's backslash, quote and newline just as the exposition format wants them.
    const pairs = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`)
    return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

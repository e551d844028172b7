/** Sorted by name. */
export type Labels = readonly (readonly [name: string, value: string])[];

export type MetricKind = 'counter' | 'gauge';

const SPECIAL = /[\\"\n]/g;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** `{id="…",path="…"}`; empty without labels. */
export function labelsText(labels: Labels): string {
  if (labels.length === 0) {
    return '';
  }
  const pairs = labels.map(([name, value]) => `${name}="${value.replace(SPECIAL, (one) => ESCAPES[one] ?? '')}"`);
  return `{${pairs.join(',')}}`;
}

/** Prometheus' text format, version 0.0.4. */
export class MetricsText {
  /** With HELP and TYPE and contiguous lines, which strict readers require. */
  readonly isDescribed: boolean;
  #text = '';

  constructor(isDescribed: boolean) {
    this.isDescribed = isDescribed;
  }

  heading(title: string): void {
    this.#text += `# ${title}\n`;
  }

  describe(name: string, kind: MetricKind, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
  }

  /** @param labels of `labelsText` */
  sample(name: string, labels: string, value: number): void {
    this.#text += `${name}${labels} ${valueText(value)}\n`;
  }

  /** Ends a section. */
  end(): void {
    this.#text += '\n';
  }

  toString(): string {
    return this.#text;
  }
}

/** Writes a number without an exponent, which simple parsers do not read. */
function valueText(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  }
  const text = String(value);
  if (!text.includes('e')) {
    return text;
  }
  // Maximum number of decimals, more than any number here has.
  return Math.abs(value) < 1 ? value.toFixed(20).replace(/\.?0+$/, '') : BigInt(value).toString();
}

/** One line of a metric. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly series: readonly Series[];
  /** Types by name, from `# TYPE` and `# HELP`. */
  readonly types: ReadonlyMap<string, string>;
  readonly helps: ReadonlyMap<string, string>;
  /** Other comments. */
  readonly comments: readonly string[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL}(?:,${LABEL})*),?)?\\})? (\\S+)$`);
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i;
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

/**
 * Reads the text format of Prometheus, version 0.0.4, strictly: every line has its form, ends with a newline, and no series occurs
 * twice.
 *
 * @param isGrouped all lines of a metric are contiguous, after its HELP and TYPE
 * @throws Error at the first line that breaks a rule
 */
export function readExposition(text: string, isGrouped: boolean): Exposition {
  const series: Series[] = [];
  const [types, helps] = [new Map<string, string>(), new Map<string, string>()];
  const comments: string[] = [];
  const [seen, over] = [new Set<string>(), new Set<string>()];
  let current = '';
  if (text !== '' && !text.endsWith('\n')) {
    throw new Error('the last line has no end');
  }
  const turnTo = (name: string) => {
    if (isGrouped && name !== current) {
      over.add(current);
      if (over.has(name)) {
        throw new Error(`${name} stands in two places`);
      }
    }
    current = name;
  };
  for (const line of text.split('\n').slice(0, -1)) {
    const [, keyword, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword !== undefined) {
      const table = keyword === 'TYPE' ? types : helps;
      if (table.has(about) || series.some(({ name }) => name === about) || (keyword === 'TYPE' && !TYPES.has(rest))) {
        throw new Error(`not in its place, or no such type: ${line}`);
      }
      turnTo(about);
      table.set(about, rest);
    } else if (line.startsWith('#')) {
      comments.push(line.slice(2));
    } else if (line !== '') {
      const one = readSample(line);
      turnTo(one.name);
      const key = `${one.name} ${JSON.stringify(Object.entries(one.labels).sort())}`;
      if (seen.has(key) || (isGrouped && !types.has(one.name))) {
        throw new Error(`${seen.has(key) ? 'twice' : 'not described'}: ${line}`);
      }
      seen.add(key);
      series.push(one);
    }
  }
  return { series, types, helps, comments };
}

function readSample(line: string): Series {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
  if (name === '' || !VALUE.test(value)) {
    throw new Error(`no sample: ${line}`);
  }
  const found: Record<string, string> = {};
  for (const [, label = '', text = ''] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    if (Object.hasOwn(found, label)) {
      throw new Error(`the label ${label} twice: ${line}`);
    }
    found[label] = text.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
  }
  const number = /inf$/i.test(value) ? Number(value.replace(/inf$/i, 'Infinity')) : Number(value);
  return { name, labels: found, value: number };
}

import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname, release } from 'node:os';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { redact } from '../../base/log.ts';
import type { LogLines } from '../../base/log-lines.ts';
import { globalJson, HIDDEN, pathDefaultsJson, pathListJson } from '../../config/edit/json.ts';
import { type Problem, problemText } from '../../config/yaml/problem.ts';
import type { Host } from '../../features/contract.ts';

export interface SupportBundleDeps extends Pick<Host, 'version' | 'settings'> {
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly lines: Pick<LogLines, 'find'>;
  problems(): readonly Problem[];
  readonly configFile: { secrets(): Promise<readonly string[]> };
  readonly paths: { list(): readonly object[] };
  readonly cameras: { readonly adopted: { list(): readonly object[] } };
  readonly recordings: { readonly space: { list(): readonly object[] } };
  /** State of the box. */
  facts(): Promise<object>;
}

const pack = promisify(gzip);

/** Diagnostics for support in one file, without secrets. */
export class SupportBundle {
  readonly #deps: SupportBundleDeps;

  constructor(deps: SupportBundleDeps) {
    this.#deps = deps;
  }

  async make(): Promise<{ readonly name: string; readonly bytes: Buffer }> {
    const { version, clock, lines, settings, problems, configFile, paths, cameras, recordings, facts } = this.#deps;
    const made = new Date(clock.wallMs()).toISOString();
    const config = settings();
    const request = { level: undefined, path: undefined, text: undefined };
    const all = {
      format: 'perch-diagnostics',
      made,
      version,
      versions: process.versions,
      machine: {
        platform: process.platform,
        arch: process.arch,
        release: release(),
        processors: availableParallelism(),
        threads: process.env['UV_THREADPOOL_SIZE'] ?? null,
        limits: await limits(),
      },
      system: await orReason(facts),
      problems: problems().map(problemText),
      config: { global: globalJson(config), pathDefaults: pathDefaultsJson(config), paths: pathListJson(config) },
      paths: paths.list(),
      cameras: cameras.adopted.list(),
      disks: recordings.space.list(),
      log: lines.find(request, Number.POSITIVE_INFINITY, 5_000).map(shownLine),
    };
    const bytes = await pack(JSON.stringify(withoutSecrets(all, await configFile.secrets()), undefined, 1));
    return { name: `perch-diagnostics-${hostname().replace(/[^\w-]+/g, '-')}-${made.slice(0, 10)}.json.gz`, bytes };
  }
}

/** Output of the owner's commands is hidden. */
function shownLine({ data }: { readonly data: string }): object {
  const line = JSON.parse(data) as { readonly text: string };
  return { ...line, text: line.text.replace(/^(command .*?says=).*/s, `$1${HIDDEN}`) };
}

/** The facts may fail for the very reason of the diagnosis. */
async function orReason(facts: () => Promise<object>): Promise<object> {
  try {
    return await facts();
  } catch (error) {
    return { error: explain(error) };
  }
}

/** Linux limits of files and processes. */
async function limits(): Promise<readonly string[]> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().replace(/ {2,}/g, '  '));
}

/** A command may contain anything, such as an API key. */
const COMMAND = /^runOn(?!.*(?:Timeout|After)$)/;
/** Query values whatever their name: vendors have their own names for passwords. Numbers of two digits are channels. */
const QUERY_VALUE = /([?&;][^=&;\s"']{1,64}=)(?!\d{1,2}(?:[&;\s"']|$))[^&;\s"']+/g;

/** Shorter secrets occur in many words: they are masked only as whole words within texts. */
const MIN_CHARS = 4;
/** A line, a sentence, an address. A single word is a setting: masking it would reveal the secret. */
const IS_TEXT = /\s|:\/\//;

/** A copy with all secrets masked, also within texts. */
function withoutSecrets(value: unknown, secrets: readonly string[]): unknown {
  const anywhere = anyOf(secrets.filter((secret) => secret.length >= MIN_CHARS));
  const short = anyOf(secrets.filter((secret) => secret.length < MIN_CHARS));
  const long = new RegExp(anywhere, 'g');
  const alone = new RegExp(`(?<![\\p{L}\\p{N}])(?:${short})(?![\\p{L}\\p{N}])`, 'gu');
  const maskedText = (text: string): string => {
    const masked = text.replace(long, '***');
    return redact(IS_TEXT.test(masked) ? masked.replace(alone, '***') : masked).replace(
      /[a-z][a-z0-9+.-]*:\/\/[^\s"']*/gi,
      (address) => address.replace(QUERY_VALUE, '$1***'),
    );
  };
  const walk = (one: unknown, key = ''): unknown => {
    if (typeof one === 'string') {
      return COMMAND.test(key) && one !== '' ? HIDDEN : maskedText(one);
    }
    if (Array.isArray(one)) {
      return one.map((item) => walk(item));
    }
    if (typeof one === 'object' && one !== null) {
      return Object.fromEntries(Object.entries(one).map(([name, item]) => [maskedText(name), walk(item, name)]));
    }
    return one;
  };
  return walk(value);
}

/** A pattern for any of these texts; matches nothing if there are none. */
const anyOf = (texts: readonly string[]): string =>
  texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|') || '(?!)';

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { holdDataFolder } from '../../../system/data-folder.ts';
import { PerchError } from '../../base/errors.ts';
import { DEFAULT_DATA } from '../../base/own-command.ts';
import type { Command, CommandCall } from '../../features/contract.ts';
import { onStopSignal } from '../../native/stop-signal.ts';
import { FEATURES } from '../features/table.ts';
import { COMMANDS, needsFile } from './table.ts';

/** Commands of /usr/bin/perch in the packages, which may control services. */
const OF_PACKAGES: readonly (string | undefined)[] = ['doctor', 'logs', 'restart', 'status'];
const USAGE_COLUMN = 40;

/** Arguments of a start. */
export interface Start {
  readonly data: string;
  readonly file?: string | undefined;
}

export const ALL_COMMANDS: readonly Command[] = [...COMMANDS, ...FEATURES.flatMap(({ commands = [] }) => commands)];

/** Runs the command that the arguments name. @returns its exit code; arguments that name none: those of a start */
export async function runCommand(
  args: readonly string[],
  commands: readonly Command[],
  keys: CommandCall['keys'],
): Promise<number | Start> {
  const options: Record<string, ParseArgsOptionDescriptor> = {
    ...Object.assign({}, ...commands.map((command) => command.options)),
    data: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  };
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
  if (values['help'] === true) {
    process.stdout.write(`${usageOf(commands)}\n`);
    return 0;
  }
  const isServer = values['server'] === true;
  const [first, ...words] = isServer ? ['server', ...positionals] : positionals;
  const command = commands.find(({ name }) => name === first);
  for (const option of Object.keys(values)) {
    if (option !== 'data' && !(option in (command?.options ?? {}))) {
      const takers = commands.filter((one) => option in (one.options ?? {})).map(({ name }) => `perch ${name}`);
      throw misused(`--${option} is for ${takers.join(' and ')}`, commands);
    }
  }
  const data = typeof values['data'] === 'string' ? values['data'] : DEFAULT_DATA;
  if (command) {
    if (words.length < (command.words ?? []).length) {
      throw misused(`perch ${first} needs ${command.words?.join(' and ')}`, commands);
    }
    const more = words.slice(command.words?.length ?? 0);
    if (command.takes !== 'words' && more.length > (command.takes === 'file' ? 1 : 0)) {
      throw misused(`perch ${first} does not take ${more.at(-1)?.slice(0, 64)}`, commands);
    }
    const file = command.takes === 'file' ? more[0] : undefined;
    needsFile(file);
    return command.run({ words, file, keys, ...callOf(resolve(data), values) });
  }
  if (words.length > 0) {
    throw misused('more than one configuration file', commands);
  }
  if (OF_PACKAGES.includes(first) && !existsSync(first ?? '')) {
    const text = `perch ${first} works only where Perch was installed as a package: see Settings, System on its page instead`;
    throw new PerchError('unsupported', text);
  }
  return { data, file: first };
}

function callOf(
  dataDir: string,
  values: Readonly<Record<string, unknown>>,
): Omit<CommandCall, 'words' | 'file' | 'keys'> {
  return {
    dataDir,
    text: (option) => (typeof values[option] === 'string' ? values[option] : undefined),
    has: (option) => values[option] === true,
    cwd: process.cwd(),
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
    write: (text) => void process.stdout.write(text),
    stopSignal: () => {
      const stop = new AbortController();
      onStopSignal(() => stop.abort());
      return stop.signal;
    },
    hold: (hint) => {
      try {
        return holdDataFolder(dataDir);
      } catch (cause) {
        throw cause instanceof PerchError && cause.context['isHeld'] === true
          ? new PerchError('unavailable', hint, {}, cause)
          : cause;
      }
    },
    withDocuments: async (call, work) => {
      const { withDocuments } = await import('../features/documents.ts');
      return withDocuments(call, work);
    },
  };
}

const misused = (text: string, commands: readonly Command[]): PerchError =>
  new PerchError('badInput', `${text}\n${usageOf(commands)}`);

/** Usage text of the program `perch`. */
function usageOf(commands: readonly Command[]): string {
  const lines = commands.flatMap(({ name, usage: [words = '', ...meaning] }) => {
    const call = `       perch ${name} ${words}`;
    const indented = meaning.map((line) => `${' '.repeat(USAGE_COLUMN)}${line}`);
    return call.length < USAGE_COLUMN
      ? [call.padEnd(USAGE_COLUMN) + meaning[0], ...indented.slice(1)]
      : [call, ...indented];
  });
  return `usage: perch [--data DIR] [FILE.yml]    run Perch with this configuration file
${lines.join('\n')}
       perch --server [NAME]            the same as perch server
       perch --version | --help

DIR is the data folder (recordings, users, index). Default: ./${DEFAULT_DATA}
The arguments of a start, such as FILE.yml, may follow every command without FILE`;
}

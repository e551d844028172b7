import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { holdDataFolder } from '../../../system/data-folder.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { DEFAULT_DATA } from '../../base/own-command.ts';
import { nearestName } from '../../config/values/word.ts';
import type { Command, CommandCall } from '../../features/contract.ts';
import { onStopSignal } from '../../native/stop-signal.ts';
import { FEATURES } from '../features/table.ts';
import { COMMANDS, needsFile } from './table.ts';

/** Commands of /usr/bin/perch in the packages, which may control services. */
const OF_PACKAGES: readonly string[] = ['doctor', 'logs', 'restart', 'status'];
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
  const { values, positionals } = parsed(args, options);
  const isServer = values['server'] === true;
  const [first, ...words] = isServer ? ['server', ...positionals] : positionals;
  const command = commands.find(({ name }) => name === first);
  const usage = usageOf(commands, command);
  const misused = (text: string) => new PerchError('badInput', `${text}\n${usage}`);
  if (values['help'] === true) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  for (const option of Object.keys(values)) {
    if (option !== 'data' && !(option in (command?.options ?? {}))) {
      const takers = commands.filter((one) => option in (one.options ?? {})).map(({ name }) => `perch ${name}`);
      throw misused(`--${option} is for ${takers.join(' and ')}`);
    }
  }
  const data = typeof values['data'] === 'string' ? values['data'] : DEFAULT_DATA;
  if (command) {
    if (words.length < (command.words ?? []).length) {
      throw misused(`perch ${first} needs ${command.words?.join(' and ')}`);
    }
    const more = words.slice(command.words?.length ?? 0);
    if (command.takes !== 'words' && more.length > (command.takes === 'file' ? 1 : 0)) {
      throw misused(`perch ${first} does not take ${more.at(-1)?.slice(0, 64)}`);
    }
    const file = command.takes === 'file' ? more[0] : undefined;
    needsFile(file);
    return command.run({ words, file, keys, ...callOf(resolve(data), values) });
  }
  if (words.length > 0) {
    throw misused('more than one configuration file');
  }
  const isMissing = first !== undefined && !existsSync(first);
  if (isMissing && OF_PACKAGES.includes(first)) {
    const text = `perch ${first} works only where Perch was installed as a package: see Settings, System on its page instead`;
    throw new PerchError('unsupported', text);
  }
  const near = isMissing && nearestName(first, [...commands.map(({ name }) => name), ...OF_PACKAGES]);
  if (near) {
    throw new PerchError('badInput', `no command and no configuration file ${first}: did you mean perch ${near}?`);
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

/** @throws PerchError badInput: the first sentence of Node's error, whose others explain files that begin with `-` */
function parsed(args: readonly string[], options: Record<string, ParseArgsOptionDescriptor>) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new PerchError('badInput', `${explain(error).split('. ', 1)[0]}: perch --help lists all options`);
  }
}

function linesOf({ name, usage: [words = '', ...meaning] }: Command): readonly string[] {
  const call = `       perch ${name} ${words}`;
  const indented = meaning.map((line) => `${' '.repeat(USAGE_COLUMN)}${line}`);
  return call.length < USAGE_COLUMN
    ? [call.padEnd(USAGE_COLUMN) + meaning[0], ...indented.slice(1)]
    : [call, ...indented];
}

/** Usage text of a command, else of the program `perch`. */
function usageOf(commands: readonly Command[], command?: Command): string {
  if (command) {
    return linesOf(command).join('\n').replace(/^ {6}/, 'usage:');
  }
  return `usage: perch [--data DIR] [FILE.yml]    run Perch with this configuration file
${commands.flatMap(linesOf).join('\n')}
       perch --server [NAME]            the same as perch server
       perch --version | --help

DIR is the data folder (recordings, users, index). Default: ./${DEFAULT_DATA}
The arguments of a start, such as FILE.yml, may follow every command without FILE`;
}

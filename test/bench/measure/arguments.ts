import { parseArgs } from 'node:util';

const OPTIONS = {
  list: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  against: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;
const KNOWN = Object.keys(OPTIONS).map((name) => `--${name}`);

export const USAGE = `usage: npm run bench [-- [--json] FIGURE…]
       npm run bench -- --against PROGRAM=PATH,…
       npm run bench -- --list

Measures these figures of Perch, or all, which takes half an hour. The common beginning of several names stands for all of
them: footprint. Fails if a figure misses its goal.
--list prints the names of the figures and what they measure. --json prints the results for programs.
--against compares Perch with your programs: mediamtx=/path,go2rtc=/path,ffmpeg=/path.`;

/** Reads the words of the command line. @throws an error that names what is wrong with them, for the user */
export function readArguments(args: readonly string[]) {
  const words = { args: [...args], options: OPTIONS, allowPositionals: true } as const;
  const { tokens } = parseArgs({ ...words, strict: false, tokens: true });
  const unknown = tokens.flatMap((token) =>
    token.kind === 'option' && !Object.hasOwn(OPTIONS, token.name) ? [token.rawName] : [],
  );
  if (unknown.length > 0) {
    throw new Error(`no option is called ${unknown.join(', ')}; known options: ${KNOWN.join(', ')}`);
  }
  const { values, positionals } = parseArgs(words);
  return { ...values, figures: positionals };
}

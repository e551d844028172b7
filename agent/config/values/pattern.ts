import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { explain, PerchError } from '../../base/errors.ts';

/** Characters. A longer text matches nothing: the names of paths are shorter. */
const MAX_TEXT = 1024;
const MAX_SHOWN = 200;

/** A regular expression of the configuration, in the syntax of RE2 as in MediaMTX: its time grows with the text's length only. */
export interface Pattern {
  test(text: string): boolean;
  /** The match, then the groups, or undefined if nothing matches; a group that took no part is undefined. */
  exec(text: string): readonly (string | undefined)[] | undefined;
}

export const ANY_NAME: Pattern = { test: () => true, exec: (text) => [text] };

let loaded: typeof import('./re2.ts') | undefined;

/** Loads the library with the first pattern, because most boxes have none: it takes 2 MB. */
function library() {
  loaded ??= createRequire(import.meta.url)(fileURLToPath(new URL('./re2.ts', import.meta.url)));
  return loaded as typeof import('./re2.ts');
}

/** @throws PerchError badInput with the reason */
export function compilePattern(source: string): Pattern {
  const { RE2JS } = library();
  try {
    const compiled = RE2JS.compile(source);
    return {
      test: (text) => text.length <= MAX_TEXT && compiled.test(text),
      exec: (text) => {
        const matcher = compiled.matcher(text);
        return text.length <= MAX_TEXT && matcher.find()
          ? Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? undefined)
          : undefined;
      },
    };
  } catch (error) {
    const reason = explain(error)
      .replace(/^error parsing regexp: /, '')
      .slice(0, MAX_SHOWN);
    throw new PerchError('badInput', `'${source.slice(0, MAX_SHOWN)}' is not a regular expression of RE2: ${reason}`);
  }
}

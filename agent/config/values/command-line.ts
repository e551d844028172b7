import { PerchError } from '../../base/errors.ts';

const MAX_COMMAND = 8_192;
const JOINED_LINES = '\\\n';
const BLANK = /[ \t\r\n]/;
/** In double quotes a backslash before any other character is literal (POSIX shell §2.2.3). */
const ESCAPED_IN_QUOTES = '$`"\\\n';
const VARIABLE = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g;
/** Shells. Their scripts may define variables. */
const SHELLS = /^(?:.*\/)?(?:sh|bash|dash|ash|zsh|ksh|busybox)$/;

/**
 * The words of a command, split like a shell does: blanks separate words, quotes and backslashes keep them together.
 * No other syntax of a shell: no pipes, no `&&`, no file name patterns.
 * @throws PerchError badInput
 */
export function parseCommandLine(text: string): readonly string[] {
  if (text.length > MAX_COMMAND) {
    throw new PerchError('badInput', `command of ${text.length} characters, limit ${MAX_COMMAND}`);
  }
  if (text.includes('\0')) {
    throw new PerchError('badInput', 'a command cannot contain the character U+0000');
  }
  const words: string[] = [];
  for (let at = skipBlanks(text, 0); at < text.length; at = skipBlanks(text, at)) {
    const word = readWord(text, at);
    words.push(word.text);
    at = word.end;
  }
  if (words[0] === undefined || words[0] === '') {
    throw new PerchError('badInput', 'the command names no program');
  }
  return words;
}

/**
 * The words with `$NAME` and `${NAME}` replaced: the value of a variable never becomes two words.
 * An unknown name is empty; in the arguments of a shell it stays, because the script may define it.
 */
export function expandWords(
  words: readonly string[],
  lookUp: (name: string) => string | undefined,
): readonly [program: string, ...rest: string[]] {
  const [program = '', ...rest] = words;
  const isShell = SHELLS.test(program);
  const expand = (word: string, keepsUnknown: boolean): string =>
    word.replace(VARIABLE, (whole, braced: string | undefined, bare: string | undefined) => {
      return lookUp(braced ?? bare ?? '') ?? (keepsUnknown ? whole : '');
    });
  return [expand(program, false), ...rest.map((word) => expand(word, isShell))];
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  // A backslash at the end of a line joins the lines.
  while (at < text.length && (BLANK.test(text[at] ?? '') || text.startsWith(JOINED_LINES, at))) {
    at += text[at] === '\\' ? JOINED_LINES.length : 1;
  }
  return at;
}

function readWord(text: string, start: number): { readonly text: string; readonly end: number } {
  let word = '';
  let at = start;
  while (at < text.length && !BLANK.test(text[at] ?? '')) {
    const character = text[at] ?? '';
    if (character === "'" || character === '"') {
      const quoted = readQuoted(text, at);
      word += quoted.text;
      at = quoted.end;
    } else if (character === '\\') {
      if (at + 1 === text.length) {
        throw new PerchError('badInput', 'the command ends with a backslash that escapes nothing');
      }
      word += text[at + 1] === '\n' ? '' : text[at + 1];
      at += 2;
    } else {
      word += character;
      at += 1;
    }
  }
  return { text: word, end: at };
}

function readQuoted(text: string, start: number): { readonly text: string; readonly end: number } {
  const quote = text[start] ?? '';
  let inner = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at] ?? '';
    const next = text[at + 1] ?? '';
    if (character === quote) {
      return { text: inner, end: at + 1 };
    }
    if (quote === '"' && character === '\\' && next !== '' && ESCAPED_IN_QUOTES.includes(next)) {
      inner += next === '\n' ? '' : next;
      at += 1;
    } else {
      inner += character;
    }
  }
  throw new PerchError('badInput', `the quote ${quote} at character ${start + 1} of the command has no end`);
}

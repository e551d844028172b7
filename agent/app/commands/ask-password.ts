import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { PerchError } from '../../base/errors.ts';

type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/** Prompts twice at a terminal without echo; other inputs give the first line. */
export async function askNewPassword(input: Input, write: (text: string) => void): Promise<string> {
  const isTerminal = input.isTTY === true;
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input, output, terminal: isTerminal, historySize: 0 });
  const lines = reader[Symbol.asyncIterator]();
  const ask = async (question: string): Promise<string> => {
    if (isTerminal) {
      write(question);
    }
    const { value, done } = await lines.next();
    if (isTerminal) {
      write('\n');
    }
    // Ctrl-C and Ctrl-D end the input.
    if (done) {
      throw new PerchError('badInput', 'no password entered');
    }
    return value;
  };
  try {
    const password = await ask('New password: ');
    if (isTerminal && (await ask('Repeat the password: ')) !== password) {
      throw new PerchError('badInput', 'the passwords do not match');
    }
    return password;
  } finally {
    reader.close();
  }
}

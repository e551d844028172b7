import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

interface Claimed {
  /** The outcome as a sentence for the owner. */
  readonly report: string;
  /** Whether the next start does not try again. */
  readonly isOver: boolean;
}

/** Exit code of `perch claim`: a retry may succeed (EX_TEMPFAIL of sysexits.h). */
const TEMPORARY = 75;

/** Perch itself reads the password and stores only its hash. @param command `perch claim` with its arguments */
export async function claimBox(command: readonly string[], password: string): Promise<Claimed> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  // It may end before it reads the password; its exit code has the reason.
  child.stdin.on('error', () => {});
  child.stdin.end(`${password}\n`);
  try {
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
    if (code === 0) {
      return { report: 'owner-password: set; log in with it', isOver: true };
    }
    if (code !== TEMPORARY) {
      return { report: `owner-password: not set: ${said.replace(/^Perch: /, '').trim()}`, isOver: true };
    }
  } catch {
    // The program cannot be started.
  }
  return { report: 'owner-password: not set yet; set at the next start', isOver: false };
}
